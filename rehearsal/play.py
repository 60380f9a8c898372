"""The simulated readers and callers: they open the links of real mails in a small browser, over HTTP, and answer."""

import heapq
import itertools
import json
import logging
import math
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.db import close_old_connections

from campaigns import links
from campaigns.models import AffectedCertificate, AffectedSubscriber
from core import clock
from core.errors import Refused, Unavailable
from rehearsal import callers, portal
from rehearsal.browser import Browser, Page
from rehearsal.mailbox import Mail, Mailboxes
from rehearsal.people import READS, Person
from rehearsal.postmaster import ReturnMailbox, language_of, plea

log = logging.getLogger(__name__)
HOUSE = ZoneInfo("Asia/Shanghai")
OPENS, CLOSES, WEEKEND = 9, 18, 5
PAUSE = 0.1
AGAIN = timedelta(hours=1)


def office(at: datetime, person: Person, chance: random.Random) -> datetime:
    """When somebody who keeps office hours gets to a thing that reached them now; on a weekend they come in late."""
    if not person.keeps_office_hours:
        return at
    local = at.astimezone(HOUSE)
    if local.hour >= CLOSES:
        local = (local + timedelta(days=1)).replace(hour=OPENS, minute=0)
    elif local.hour < OPENS:
        local = local.replace(hour=OPENS, minute=0)
    else:
        return at
    late = chance.uniform(0, 4) if local.weekday() >= WEEKEND else chance.uniform(0, 1.5)
    return local + timedelta(hours=late)


@dataclass
class Cast:
    """Everybody, by subscriber reference."""

    people: dict[str, Person]

    @classmethod
    def load(cls, path: Path) -> "Cast":
        """The people that the incident has written down."""
        return cls({each["reference"]: Person.from_json(each) for each in json.loads(path.read_text())})


@dataclass
class Play:
    """What is going to happen, in order of its moment; acts run in a few threads, each with a browser of its own."""

    cast: Cast
    boxes: Mailboxes
    portal: "portal.Portal"
    returned: ReturnMailbox
    threads: ThreadPoolExecutor
    seen: int = 0
    reading: set[str] = field(default_factory=set)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    waiting: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    order: "itertools.count[int]" = field(default_factory=itertools.count)

    def run(self) -> None:
        """Play until the process is ended."""
        room = callers.CallRoom(self.cast.people, on_reached=self.expect_reading)
        while True:
            self.step()
            room.step(now=clock.now())
            self.portal.publish(now=clock.now())
            close_old_connections()
            time.sleep(PAUSE)

    def step(self) -> None:
        """Take in new mail, and start what is due."""
        for mail in self.boxes.since(self.seen):
            self.seen = mail.id
            self.receive(mail)
        now = clock.now()
        while self.waiting and self.waiting[0][0] <= now:
            self.threads.submit(heapq.heappop(self.waiting)[2])

    def receive(self, mail: Mail) -> None:
        """A mail reaches a mailbox that somebody reads: they will get to it."""
        for link in mail.links if mail.fate == READS else ():
            try:
                affected, _ = links.read(link.rstrip("/").rsplit("/", 1)[1])
            except Refused:
                continue
            self._expect_plea(affected, mail)
            self.expect_reading(affected, link, mail.at)

    def expect_reading(self, affected: AffectedSubscriber, link: str, at: datetime) -> None:
        """Somebody there will read the notice; once is enough."""
        person = self.cast.people.get(affected.subscriber.reference)
        if person is None or person.reference in self.reading:
            return
        self.reading.add(person.reference)
        self.later(office(at + timedelta(hours=person.reads_after), person, self.chance), person, link, self.read)

    def _expect_plea(self, affected: AffectedSubscriber, mail: Mail) -> None:
        """Somebody who hopes for more time answers the first notice by mail, before opening any link."""
        person = self.cast.people.get(affected.subscriber.reference)
        if person is None or not person.pleads or person.reference in self.reading:
            return
        written = plea(mail, to=str(mail.message["Reply-To"] or mail.message["From"]), language=language_of(mail))
        at = office(mail.at + timedelta(hours=person.reads_after / 2), person, self.chance)
        self.later(at, person, mail.link, lambda _who, _link: self.returned.put(written))

    def later(self, at: datetime, person: Person, link: str, act: "Callable[[Person, str], None]") -> None:
        """Do something for a person at a moment; a site that is away is tried again, as people do."""

        def attempt() -> None:
            try:
                act(person, link)
            except Unavailable:
                self.later(clock.now() + AGAIN, person, link, act)
            except Exception:
                log.exception("%s (%s) could not go on.", person.reference, person.trait)
            finally:
                close_old_connections()

        heapq.heappush(self.waiting, (at, next(self.order), attempt))

    def read(self, person: Person, link: str) -> None:
        """Open the link, acknowledge, and plan the work."""
        browser = Browser()
        page = _shown(browser.open(link))
        if form := page.form("/acknowledge"):
            _shown(browser.send(form))
        now = clock.now()
        if person.asks_hours_before_deadline is not None:
            self.later(now + timedelta(hours=0.5), person, link, self.ask)
        for hours, share in person.works:
            at = office(now + timedelta(hours=hours), person, self.chance)
            self.later(at, person, link, lambda who, url, share=share: self.replace(who, url, share))  # type: ignore[misc]

    def replace(self, person: Person, link: str, share: float) -> None:
        """Get new certificates for a share of the list, and say so: by upload, or by ticking boxes."""
        browser = Browser()
        page = _shown(browser.open(link))
        form = page.form("/replace" if person.uploads else "/confirm")
        chosen = self._share(person, page, share)
        if form is None or not chosen:
            return
        issued = self.portal.order(chosen, now=clock.now(), keep=not person.uploads)
        if person.uploads:
            _shown(browser.send(form, values={"pem": ""}, files={"files": issued}))
        else:
            _shown(browser.send(form, ticked={"certificates": [str(row.pk) for row in chosen]}))

    def ask(self, person: Person, link: str) -> None:
        """Ask for the revocation of everything in the change window: the page asks twice, as it should."""
        browser = Browser()
        page = _shown(browser.open(link))
        rows = self._share(person, page, 1.0)
        form = page.form("/confirm")
        if form is None or not rows or not rows[0].publish_by:
            return
        keys = [str(row.pk) for row in rows]
        asked = _shown(browser.send(form, ticked={"certificates": keys}, to=f"{link}request/"))
        wanted = rows[0].publish_by - timedelta(hours=person.asks_hours_before_deadline or 0)
        at = wanted.astimezone(ZoneInfo(rows[0].affected_subscriber.subscriber.time_zone))
        if second := asked.form("/request"):
            values = {"when": "at", "at": at.strftime("%Y-%m-%dT%H:%M"), "reason": "unspecified"}
            _shown(browser.send(second, values=values))

    def _share(self, person: Person, page: Page, share: float) -> list[AffectedCertificate]:
        """The certificates that are still outstanding, up to a share of all of them, as the page offers them."""
        form = page.form("/confirm")
        offered = [int(key) for key in (form.boxes.get("certificates", []) if form else []) if key.isdigit()]
        rows = list(
            AffectedCertificate.objects.filter(pk__in=offered, state=AffectedCertificate.State.OUTSTANDING)
            .select_related("certificate__issuer", "affected_subscriber__subscriber")
            .order_by("pk")
        )
        if not rows:
            return []
        whole = rows[0].affected_subscriber.certificates.count()
        return rows[: max(0, math.ceil(whole * share) - (whole - len(rows)))]


def _shown(page: Page) -> Page:
    """The page, if the site showed one; a server's failure is tried again later."""
    if page.status >= 500:  # noqa: PLR2004 - HTTP
        raise Unavailable(f"{page.url} answered {page.status}")
    if page.status >= 400:  # noqa: PLR2004 - HTTP
        raise Refused(f"{page.url} answered {page.status}")
    return page
