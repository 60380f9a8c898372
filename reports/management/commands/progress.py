import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from campaigns.models import Campaign
from core import clock
from core.figures import duration, number, utc
from reports.parts import DoesNotAddUp
from reports.progress import Progress, as_json, progress


class Command(BaseCommand):
    help = "Show the progress of a campaign: the same numbers as its page and its progress.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="the campaign's public id, as in its address")
        parser.add_argument("--json", action="store_true", help="the keys are those of progress.json")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            campaign = Campaign.objects.get(public_id=UUID(options["campaign"]))
        except (ValueError, Campaign.DoesNotExist):
            raise CommandError(f"There is no campaign {options['campaign']}.") from None
        try:
            found = progress(campaign, now=clock.now())
        except DoesNotAddUp as fault:
            raise CommandError(f"The numbers do not add up, so none are shown. {fault}") from fault
        if options["json"]:
            self.stdout.write(json.dumps(as_json(found), indent=2, ensure_ascii=False))
        else:
            self.stdout.write("\n".join(_lines(found)))


def _lines(found: Progress) -> list[str]:
    campaign, counts, people = found.campaign, found.counts, found.funnel
    left = f"{duration(found.left)} {'past' if found.is_over else 'to'} the deadline"
    return [
        f"{campaign.title} ({campaign.state}{', halted' if campaign.halted_at else ''}, {campaign.kind})",
        f"{utc(campaign.deadline)}  {left}  {found.outlook.sentence}",
        f"scope {number(counts.scope)} = revoked {number(counts.revoked)} + remaining {number(counts.remaining)}"
        f" + expired {number(counts.expired)} + excluded {number(counts.excluded)}"
        f"   late {number(counts.late)}",
        f"subscribers {number(people.total)}: notified {number(people.notified)}, reached {number(people.reached)},"
        f" acknowledged {number(people.acknowledged)}, all replaced {number(people.replaced)},"
        f" at risk {number(people.at_risk)}",
        "notices " + ", ".join(f"{name} {number(count)}" for name, count in found.notices.items()),
        "revocations " + ", ".join(f"{name} {number(count)}" for name, count in found.revocations.items()),
        *(f"! {alarm}" for alarm in found.alarms),
    ]
