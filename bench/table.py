"""What was measured, as ratios to limits: one table for people, one JSON file for everything else. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """How many were done in how many seconds, and the most memory that the process held meanwhile, in bytes."""

    count: int
    seconds: float
    peak: int

    @property
    def rate(self) -> float:
        """How many in a second."""
        return self.count / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """A stage beside its limit. `wanted` is the least ratio to reach; None where none has been set."""

    stage: str
    unit: str
    limit_is: str
    wanted: float | None
    work: Measured
    limit: Measured
    half: Measured | None = None
    """The same work on half as many, where that was measured."""

    @property
    def ratio(self) -> float:
        """The rate as a share of the limit's."""
        return self.work.rate / self.limit.rate if self.limit.rate else 0.0

    @property
    def is_missed(self) -> bool:
        """Whether less than the wanted ratio was reached, as exactly as the table shows it."""
        return self.wanted is not None and round(self.ratio, 2) < self.wanted

    @property
    def verdict(self) -> str:
        """`reached`, `missed`, or nothing where no ratio is wanted."""
        return "" if self.wanted is None else "missed" if self.is_missed else "reached"

    @property
    def time_growth(self) -> float | None:
        """By how much the time of one grew when the work doubled: 1 is linear, more is a defect."""
        if self.half is None or not self.work.rate:
            return None
        return self.half.rate / self.work.rate

    @property
    def peak_growth(self) -> int | None:
        """By how many bytes the peak of memory grew when the work doubled."""
        return None if self.half is None else self.work.peak - self.half.peak


def fastest(rounds: Sequence[Measured]) -> Measured:
    """The round that was least disturbed, with the highest peak of all rounds."""
    best = max(rounds, key=lambda each: each.rate)
    return Measured(best.count, best.seconds, max(each.peak for each in rounds))


def in_a_row(*parts: Measured) -> Measured:
    """The same things done one after the other by several parts: their seconds add up."""
    return Measured(parts[0].count, sum(each.seconds for each in parts), max(each.peak for each in parts))


def times(measured: Measured, factor: float) -> Measured:
    """A limit that is some multiple of what was measured."""
    return Measured(measured.count, measured.seconds * factor, measured.peak)


HEAD = ("stage", "rate /s", "limit", "limit /s", "ratio", "wanted", "", "peak MiB", "N to 2N")


def lines(results: Iterable[Result]) -> list[str]:
    """The table, a line for each stage under two of titles."""
    rows = [_cells(result) for result in results]
    widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
    table = [_line(HEAD, widths), "  ".join("-" * width for width in widths)]
    return [*table, *(_line(row, widths) for row in rows)]


def _cells(result: Result) -> tuple[str, ...]:
    return (
        f"{result.stage}, {result.work.count:,} {result.unit}",
        f"{result.work.rate:,.0f}",
        result.limit_is,
        f"{result.limit.rate:,.0f}",
        f"{result.ratio:.2f}",
        "" if result.wanted is None else f"{result.wanted:.2f}",
        result.verdict,
        f"{result.work.peak / MIB:.0f}",
        _growth(result),
    )


def _growth(result: Result) -> str:
    if result.time_growth is None or result.peak_growth is None:
        return ""
    return f"time of one ×{result.time_growth:.2f}, {result.peak_growth / MIB:+.0f} MiB"


LEFT = {0, 2, 6, 8}
"""The columns of words; numbers stand to the right."""


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    placed = (
        cell.ljust(width) if at in LEFT else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(placed).rstrip()


def summary(results: Sequence[Result]) -> str:
    """One sentence: how many stages reach what is wanted, and which do not."""
    judged = [result for result in results if result.wanted is not None]
    missed = [result.stage for result in judged if result.is_missed]
    text = f"{len(judged) - len(missed)} of {len(judged)} stages reach the ratio that is wanted"
    return f"{text}; missed: {', '.join(missed)}." if missed else f"{text}."


def document(results: Iterable[Result], facts: dict[str, Any]) -> dict[str, Any]:
    """The same as JSON: the facts of the machine and of the run, and each stage with all of its numbers."""
    return {**facts, "stages": [_entry(result) for result in results]}


def _entry(result: Result) -> dict[str, Any]:
    derived = ("ratio", "verdict", "time_growth", "peak_growth")
    entry = asdict(result) | {name: getattr(result, name) for name in derived}
    for name in ("work", "limit"):
        entry[name]["rate"] = getattr(result, name).rate
    return entry
