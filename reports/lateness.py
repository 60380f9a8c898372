"""Is the work being done? The age of the oldest due row of each kind, and the sign of life of the beat."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, Min, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign, News, Snapshot
from core.due import DueModel, lease
from notices.models import Notice
from notices.services import mailboxes_away
from revocation.models import Gate, Revocation


@dataclass(frozen=True, slots=True)
class Age:
    """How long the oldest row of one kind has been due; `None` when none is due."""

    kind: str
    age: timedelta | None
    limit: timedelta

    @property
    def is_late(self) -> bool:
        """Whether it has been due for longer than two workers could have died over it."""
        return self.age is not None and self.age > self.limit


def limit() -> timedelta:
    """How long a row may be due before something is wrong: two leases, so that one dead worker is no alarm."""
    return 2 * lease()


def ages(*, now: datetime) -> list[Age]:
    """The age of the oldest due row of each kind, and the signs of life of running campaigns.

    `schedule`: how long ago their revocations were last planned and let through, without which none is ever due.
    `beat`: how long ago the last snapshot was taken. `mailbox`: how long a mailbox of RETURN_MAILBOXES has been away.
    """
    rows: dict[str, QuerySet[DueModel]] = {
        "escalation": AffectedSubscriber.objects.to_escalate(),
        "news": News.objects.to_tell(),
        "notice": Notice.objects.sendable(),
        "replacement": AffectedCertificate.objects.filter(
            state=AffectedCertificate.State.CONFIRMED, campaign__in=Campaign.objects.running()
        ),
        "revocation": Revocation.objects.submittable(),
        "verification": Revocation.objects.unverified(),
    }
    found = [Age(kind, _age(due, now), limit()) for kind, due in rows.items()]
    found.append(Age("mailbox", mailboxes_away(now=now), limit()))
    return [*found, Age("schedule", _unscheduled(now), limit()), Age("beat", _silence(now), limit())]


def problems(*, now: datetime) -> list[str]:
    """What is late, in words; empty when all is well."""
    return [_in_words(age) for age in ages(now=now) if age.is_late]


def _age(rows: QuerySet[DueModel], now: datetime) -> timedelta | None:
    oldest: datetime | None = rows.order_by().filter(due_at__lte=now).aggregate(oldest=Min("due_at"))["oldest"]
    return now - oldest if oldest else None


def _unscheduled(now: datetime) -> timedelta | None:
    """How long the running campaign that has waited longest has not been scheduled; `None` when nothing runs."""
    running = Campaign.objects.running()
    gates = Gate.objects.filter(campaign__in=running)
    seen = gates.aggregate(at=Min(Coalesce("scheduled_at", "opened_at")))["at"]
    unseen = running.filter(~Exists(gates.filter(campaign=OuterRef("pk")))).aggregate(at=Min("launched_at"))["at"]
    oldest = min((at for at in (seen, unseen) if at), default=None)
    return max(now - oldest, timedelta(0)) if oldest else None


def _silence(now: datetime) -> timedelta | None:
    """How long the tick that writes snapshots has been silent; `None` when nothing runs and so nothing must tick."""
    running = Campaign.objects.running()
    since: datetime | None = running.aggregate(since=Min("launched_at"))["since"]
    if since is None:
        return None
    last: datetime | None = (
        Snapshot.objects.filter(campaign__in=running).order_by("-at").values_list("at", flat=True).first()
    )
    return max(now - max(last or since, since), timedelta(0))


def _in_words(age: Age) -> str:
    waited = int(age.age.total_seconds()) if age.age else 0
    if age.kind == "beat":
        return f"The beat has been silent for {waited} s; a running campaign writes a snapshot each minute."
    if age.kind == "mailbox":
        return f"A mailbox of RETURN_MAILBOXES cannot be read for {waited} s: bounces and answers lie there unseen."
    if age.kind == "schedule":
        return (
            f"For {waited} s no revocation has been planned or let through; the queue `revocation` may have no worker."
        )
    return f"The oldest due {age.kind} has waited for {waited} s, more than {int(age.limit.total_seconds())} s."
