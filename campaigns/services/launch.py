"""The life of a campaign from its launch to its end: launch, halt, resume, complete, leave unfinished."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, Min, OuterRef, Q

from audit.actors import staff
from audit.moves import move
from audit.services import record, record_each
from campaigns.models import AffectedCertificate, AffectedSubscriber, Campaign, Exclusion, News
from campaigns.plan import step_times
from campaigns.services.approval import issuers
from campaigns.services.guards import batches, hold, require_running, require_text
from campaigns.services.news import note_news
from campaigns.services.snapshots import take_snapshot
from core import clock
from core.errors import Refused
from subscribers.models import Contact, Issuer

SANDBOX = "sandbox"
"""The one backend that a drill may meet."""


def launch_campaign(campaign: Campaign, *, actor: str, now: datetime) -> Campaign:
    """Freeze the deadlines and let the first notices fall due.

    Raises `Refused` unless the present scope has been approved, for a drill that could reach a live CA or real
    mailboxes, and for a live campaign under a rehearsal's clock.
    """
    with transaction.atomic():
        hold(campaign)
        _check_launch(campaign)
        move(
            [campaign],
            Campaign.State.RUNNING,
            actor=actor,
            now=now,
            fields={"launched_at": now},
            facts={
                "digest": campaign.approved_digest,
                "count": campaign.scope_count,
                "deadline": campaign.deadline.isoformat(),
            },
        )
        _freeze_deadlines(campaign)
        campaign.affected_subscribers.update(due_at=now, next_step=0)
        mark_unreachable_from_the_start(campaign, actor=actor, now=now)
        take_snapshot(campaign, now=now)
    return campaign


def _check_launch(campaign: Campaign) -> None:
    if campaign.state != Campaign.State.APPROVED:
        raise Refused(f"This campaign is {campaign.state}; only an approved one can be launched.")
    if not campaign.approved_digest or campaign.approved_digest != campaign.scope_digest:
        raise Refused("The scope is not the one that was approved.")
    check_drill(campaign, issuers(campaign))


def check_drill(campaign: Campaign, found: Iterable[Issuer]) -> None:
    """Raise `Refused` where a drill could reach a live CA or real mailboxes, or a rehearsal's clock a live campaign."""
    if not campaign.is_drill:
        if clock.is_rehearsed():
            raise Refused("The clock is a rehearsal's: only drills can be launched under it.")
        return
    if not settings.DRILL_EMAIL_URL:
        raise Refused("A drill needs DRILL_EMAIL_URL, the address of the sink that takes its mail.")
    if live := [issuer.name for issuer in found if issuer.backend != SANDBOX]:
        raise Refused(f"A drill only ever meets the sandbox CA, but its scope has certificates of {', '.join(live)}.")


def _freeze_deadlines(campaign: Campaign) -> None:
    rows = AffectedCertificate.objects.filter(campaign=campaign)
    for started_at in rows.order_by().values_list("clock_started_at", flat=True).distinct():
        rows.filter(clock_started_at=started_at).update(publish_by=started_at + campaign.window)


def mark_unreachable_from_the_start(campaign: Campaign, *, actor: str, now: datetime) -> None:
    """Record of whom no contact can be reached, before anything is written to them."""
    reachable = Contact.objects.reachable().filter(subscriber=OuterRef("subscriber"))
    nobody = campaign.affected_subscribers.filter(~Exists(reachable), unreachable_since=None)
    for some in batches(nobody.values_list("pk", flat=True)):
        rows = campaign.affected_subscribers.filter(pk__in=some)
        rows.update(unreachable_since=now)
        facts = {"because": "no contact can be reached"}
        record_each("affectedsubscriber.unreachable", rows, stream=campaign.stream, actor=actor, now=now, facts=facts)


def halt_campaign(campaign: Campaign, *, reason: str, actor: str, now: datetime) -> Campaign:
    """Stop all outward acts of a campaign; its clock runs on. A second halt is quiet: the first reason stands."""
    reason = require_text(reason[:500], "a reason for the halt")
    with transaction.atomic():
        hold(campaign)
        require_running(campaign, "a halt")
        if campaign.halted_at is None:
            campaign.halted_at, campaign.halt_reason = now, reason
            campaign.save(update_fields=["halted_at", "halt_reason"])
            _record(campaign, "campaign.halted", actor=actor, now=now, reason=reason)
    return campaign


def resume_campaign(campaign: Campaign, *, reason: str, actor: str, now: datetime) -> Campaign:
    """Let a halted campaign act again. Deadlines are where they were. Raises `Refused` if it is not halted."""
    reason = require_text(reason, "a reason for going on")
    with transaction.atomic():
        hold(campaign)
        require_running(campaign, "going on")
        if campaign.halted_at is None:
            raise Refused("This campaign is not halted.")
        halted_for = now - campaign.halted_at
        campaign.halted_at, campaign.halt_reason = None, ""
        campaign.save(update_fields=["halted_at", "halt_reason"])
        _record(
            campaign, "campaign.resumed", actor=actor, now=now, reason=reason, halted_seconds=halted_for.total_seconds()
        )
    return campaign


def request_cancel(campaign: Campaign, *, ground: str, by: User, now: datetime) -> Campaign:
    """Ask to leave a campaign unfinished; nothing changes until a second person agrees."""
    ground = require_text(ground, "a ground for leaving the campaign unfinished")
    with transaction.atomic():
        hold(campaign)
        _check_not_ended(campaign)
        campaign.cancel_requested_by, campaign.cancel_ground = by, ground
        campaign.save(update_fields=["cancel_requested_by", "cancel_ground"])
        _record(campaign, "campaign.cancel_requested", actor=staff(by.username), now=now, ground=ground)
    return campaign


def cancel_campaign(campaign: Campaign, *, by: User, now: datetime) -> Campaign:
    """Leave a campaign unfinished, as another person has asked. Raises `Refused` for that person, or unasked."""
    with transaction.atomic():
        hold(campaign)
        _check_not_ended(campaign)
        if campaign.cancel_requested_by_id is None:
            raise Refused("Nobody has asked to leave this campaign unfinished; one person asks, another agrees.")
        if campaign.cancel_requested_by_id == by.pk:
            raise Refused("You asked for this yourself; a second person has to agree.")
        _end(campaign, Campaign.State.CANCELLED, actor=staff(by.username), now=now, ground=campaign.cancel_ground)
    return campaign


def complete_campaign(campaign: Campaign, *, actor: str, now: datetime) -> Campaign:
    """End a campaign of which nothing is left to revoke.

    Raises `Refused` while a certificate remains, or is held back by an exclusion that ends.
    """
    with transaction.atomic():
        hold(campaign)
        require_running(campaign, "completing it")
        rows = AffectedCertificate.objects.filter(campaign=campaign)
        if remaining := rows.remaining(now).count():
            raise Refused(f"{remaining:,} certificates remain to be revoked.")
        ending = Exclusion.objects.standing(now).filter(until__isnull=False, affected_certificate__campaign=campaign)
        if held := ending.filter(affected_certificate__published_at=None).count():
            raise Refused(f"{held:,} certificates are held back by exclusions that end; they are revoked then.")
        _end(campaign, Campaign.State.COMPLETED, actor=actor, now=now)
    return campaign


def move_deadline_earlier(
    rows: Sequence[AffectedCertificate], *, to: datetime, actor: str, now: datetime
) -> list[AffectedCertificate]:
    """Bring deadlines forward to one moment, of which their subscribers hear; the rows that were changed.

    Raises `Refused` if any would move later.
    """
    changed: list[AffectedCertificate] = []
    with transaction.atomic():
        for some in batches(row.pk for row in rows):
            found = (
                AffectedCertificate.objects.select_for_update(of=("self",))
                .select_related("campaign")
                .filter(pk__in=some)
            )
            changed += [row for row in found if _moves(row, to)]
        for campaign in {row.campaign for row in changed}:
            require_running(campaign, "another deadline")
            ours = [row for row in changed if row.campaign_id == campaign.pk]
            for some in batches(row.pk for row in ours):
                AffectedCertificate.objects.filter(pk__in=some).update(publish_by=to, deadline_moved_at=now)
            facts = {"publish_by": to.isoformat()}
            record_each(
                "affectedcertificate.deadline_moved", ours, stream=campaign.stream, actor=actor, now=now, facts=facts
            )
            owners = {row.affected_subscriber_id for row in ours}
            _bring_notices_forward(campaign, owners)
            note_news(owners, News.Kind.CORRECTION, at=now, now=now)
    for row in changed:
        row.publish_by, row.deadline_moved_at = to, now
    return changed


def _moves(row: AffectedCertificate, to: datetime) -> bool:
    if row.publish_by is None:
        raise Refused(f"{row} has no deadline yet: the campaign has not been launched.")
    if to > row.publish_by:
        raise Refused(f"The deadline of {row} is {row.publish_by:%Y-%m-%d %H:%M:%S} UTC and can only move earlier.")
    return to < row.publish_by


def _bring_notices_forward(campaign: Campaign, affected_subscribers: set[int]) -> None:
    """An earlier deadline makes the ladder shorter: no notice may wait for the moment that the longer one had."""
    steps = list(campaign.steps.order_by("order"))
    for some in batches(affected_subscribers):
        waiting = AffectedSubscriber.objects.filter(pk__in=some, due_at__isnull=False, next_step__lt=len(steps))
        unanswered = Q(certificates__published_at=None, certificates__state=AffectedCertificate.State.OUTSTANDING)
        earliest = waiting.annotate(earliest=Min("certificates__publish_by", filter=unanswered))
        due: dict[datetime, list[int]] = defaultdict(list)
        for key, next_step, deadline in earliest.exclude(earliest=None).values_list("pk", "next_step", "earliest"):
            times = step_times(steps, start=campaign.launched_at or deadline, deadline=deadline)
            due[times[next_step]].append(key)
        for due_at, keys in due.items():
            AffectedSubscriber.objects.filter(pk__in=keys, due_at__gt=due_at).update(due_at=due_at)


def _check_not_ended(campaign: Campaign) -> None:
    if campaign.ended_at:
        raise Refused(f"The campaign ended on {campaign.ended_at:%Y-%m-%d %H:%M} UTC.")


def _end(campaign: Campaign, to: str, *, actor: str, now: datetime, **facts: object) -> None:
    was_running = campaign.state == Campaign.State.RUNNING
    move([campaign], to, actor=actor, now=now, fields={"ended_at": now}, facts=facts)
    campaign.affected_subscribers.filter(due_at__isnull=False).update(due_at=None)
    AffectedCertificate.objects.filter(campaign=campaign, due_at__isnull=False).update(due_at=None)
    if was_running:
        take_snapshot(campaign, now=now)


def _record(campaign: Campaign, verb: str, *, actor: str, now: datetime, **facts: object) -> None:
    left = campaign.deadline - now
    facts["seconds_to_deadline"] = left // timedelta(seconds=1)
    record(verb, stream=campaign.stream, about=campaign, actor=actor, now=now, facts=facts)
