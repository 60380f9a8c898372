import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import clock
from core.figures import number, percent, utc
from reports.census import Census, Line, census
from reports.parts import DoesNotAddUp
from subscribers.census import GROUPS


class Command(BaseCommand):
    help = (
        "Count how many valid certificates have a subscriber who could be told: the same numbers as the page /census/."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for other programs")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = census(now=clock.now())
        except DoesNotAddUp as fault:
            raise CommandError(f"The numbers do not add up, so none are shown. {fault}") from fault
        if options["json"]:
            self.stdout.write(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
        else:
            self.stdout.write("\n".join(_lines(found)))


def _lines(found: Census) -> list[str]:
    head = f"{'':36}" + "".join(f"{group:>22}" for group in (*GROUPS, "all"))
    return [
        f"{utc(found.at)}: {percent(found.ready, found.certificates)} % of {number(found.certificates)} valid"
        " certificates have a subscriber with two or more verified contacts",
        f"without a subscriber: {number(found.without_subscriber)}",
        "",
        "subscribers / certificates",
        head,
        *(_line(line) for line in (*found.by_class, *found.by_risk, found.total)),
    ]


def _line(line: Line) -> str:
    pairs = [*((cell.subscribers, cell.certificates) for cell in line.cells.values())]
    pairs.append((line.subscribers, line.certificates))
    return f"{line.label:36}" + "".join(f"{f'{number(one)} / {number(two)}':>22}" for one, two in pairs)
