"""One stage of the run: what is done, what it is held against, and how both are measured by turns."""

from dataclasses import dataclass

from bench.database import Keeper
from bench.measure import Prepared, apart
from bench.table import Measured, Result, fastest, times


@dataclass(frozen=True, slots=True)
class Stage:
    """Work and its limit. The work begins with the same database each time, and what it leaves behind is kept.

    A limit never touches a table of the product: it is measured on copies.
    """

    name: str
    unit: str
    work: Prepared
    limit_is: str
    limit: Prepared
    wanted: float | None = None
    """The least ratio of the two rates."""
    half: Prepared | None = None
    """The work on half as many."""
    before: Prepared | None = None
    """Sets the scene, once."""
    is_limit_after: bool = False
    """Whether the limit is measured on what the work leaves behind."""
    is_undone: bool = False
    """Whether nothing of the work is left for the stages that follow."""
    limit_times: float = 1.0
    """The limit is so many times what is measured for it."""


def measure(stage: Stage, keeper: Keeper, rounds: int) -> Result:
    """Measure a stage; the fastest of some rounds counts, for the work and for the limit alike.

    Raises `ValueError` when the rounds did not all do the same number.
    """
    if stage.before:
        apart(stage.before)
    keeper.keep()
    works, limits, halves = list[Measured](), list[Measured](), list[Measured]()
    for _ in range(rounds):
        if stage.half:
            keeper.put_back()
            halves.append(apart(stage.half))
        keeper.put_back()
        if not stage.is_limit_after:
            limits.append(apart(stage.limit))
        works.append(apart(stage.work))
        if stage.is_limit_after:
            limits.append(apart(stage.limit))
    if stage.is_undone:
        keeper.put_back()
    if len({each.count for each in works}) != 1 or not works[0].count:
        raise ValueError(f"{stage.name}: {', '.join(str(each.count) for each in works)} {stage.unit} were done.")
    return Result(
        stage=stage.name,
        unit=stage.unit,
        limit_is=stage.limit_is,
        wanted=stage.wanted,
        work=fastest(works),
        limit=times(fastest(limits), stage.limit_times),
        half=fastest(halves) if halves else None,
    )
