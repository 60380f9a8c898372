"""The run: the stages of a campaign in their order, then the table and the JSON."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from bench import database, machine, stage_import, stage_notices, stage_revocation, table
from bench.material import World, prepare
from bench.measure import apart
from bench.scale import SCALES
from bench.stage import Stage, measure
from bench.status import serving
from bench.table import Result
from core import clock

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    """Measure all stages at the size of BENCH_SIZE; 1 if BENCH_STRICT asks for it and a ratio is missed."""
    size, is_strict = os.environ["BENCH_SIZE"], os.environ["BENCH_STRICT"] == "1"
    scale, started, facts = SCALES[size], clock.real_now(), machine.facts()
    print(
        f"{scale.certificates:,} certificates of {scale.subscribers:,} subscribers; {facts['cores']} cores, "
        f"load {facts['load_before']}, Python {facts['python']}, PostgreSQL {facts['postgresql']}",
        flush=True,
    )
    begun = time.monotonic()
    with serving(settings.VAR / "ca") as host:
        settings.PRIVATE_STATUS_HOSTS.append(host)
        results = list(_results(World(scale, settings.VAR, host)))
    took = round(time.monotonic() - begun, 1)
    print("\n".join(["", *table.lines(results), "", table.summary(results)]))
    facts |= {"size": size, "at": started.isoformat(timespec="seconds"), "seconds": took}
    print(f"{took} s; {_write(results, facts)}")
    return int(is_strict and any(result.is_missed for result in results))


def _results(world: World) -> Iterator[Result]:
    database.create()
    apart(lambda: lambda: prepare(world))
    yield from _measured(stage_import.stages(world), world)
    written, sent = _measured(stage_notices.stages(), world)
    yield from (written, sent, stage_notices.written_and_sent(written, sent))
    yield from _measured(stage_revocation.stages(world), world)


def _measured(stages: Sequence[Stage], world: World) -> Iterator[Result]:
    for stage in stages:
        print(f"  {stage.name} ...", flush=True)
        yield measure(stage, world.keeper, world.scale.rounds)


def _write(results: Sequence[Result], facts: dict[str, Any]) -> Path:
    """Write the JSON; where it is."""
    RESULTS.mkdir(exist_ok=True)
    stamp = facts["at"][:19].replace(":", "").replace("-", "")
    path = RESULTS / f"{facts['size']}-{stamp}Z.json"
    path.write_text(json.dumps(table.document(results, facts), indent=1, ensure_ascii=False) + "\n")
    return path.relative_to(RESULTS.parent.parent)
