"""What a run says: ratios, verdicts, growth, the table, the JSON."""

import json
from dataclasses import replace

import pytest

from bench.table import MIB, Measured, Result, document, fastest, in_a_row, lines, summary, times


def measured(rate: float, *, count: int = 1000, peak: int = 80) -> Measured:
    return Measured(count, count / rate, peak * MIB)


def result(rate: float = 50.0, limit: float = 100.0, wanted: float | None = 0.5, **fields: object) -> Result:
    made = Result("import", "certificates", "COPY", wanted, measured(rate), measured(limit))
    return replace(made, **fields)  # type: ignore[arg-type]


def test_the_ratio_is_that_of_the_rates_whatever_the_numbers():
    assert result().ratio == pytest.approx(0.5)
    assert result(limit=100.0, work=measured(50.0, count=7)).ratio == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("rate", "wanted", "verdict"),
    [(50.0, 0.5, "reached"), (49.6, 0.5, "reached"), (49.4, 0.5, "missed"), (400.0, 1.0, "reached"), (1.0, None, "")],
)
def test_the_verdict_agrees_with_the_two_decimals_that_are_shown(rate: float, wanted: float | None, verdict: str):
    assert result(rate, wanted=wanted).verdict == verdict


def test_nothing_done_in_no_time_is_no_rate_and_misses():
    nothing = Measured(0, 0.0, 0)
    assert (nothing.rate, result(work=nothing).ratio, result(work=nothing).verdict) == (0.0, 0.0, "missed")
    assert result(limit=100.0, wanted=0.5).is_missed is False
    assert replace(result(), limit=nothing).is_missed


def test_growth_is_one_where_double_the_work_takes_double_the_time():
    linear = result(half=Measured(500, 10.0, 60 * MIB))
    assert linear.time_growth == pytest.approx(1.0)
    assert linear.peak_growth == 20 * MIB
    quadratic = result(half=Measured(500, 5.0, 60 * MIB))
    assert quadratic.time_growth == pytest.approx(2.0)
    assert (result().time_growth, result().peak_growth) == (None, None)


def test_the_fastest_round_counts_with_the_highest_peak_of_all():
    assert fastest([measured(10, peak=90), measured(20, peak=70), measured(15, peak=80)]) == measured(20, peak=90)


def test_parts_in_a_row_add_their_seconds():
    both = in_a_row(Measured(100, 1.0, 5), Measured(100, 3.0, 9))
    assert (both, both.rate) == (Measured(100, 4.0, 9), 25.0)


def test_three_times_a_limit_takes_three_times_as_long():
    assert times(Measured(300, 2.0, 1), 3) == Measured(300, 6.0, 1)


def test_the_table_shows_each_stage_with_its_verdict():
    grown = result(half=measured(40.0, count=500, peak=70))
    titles, rule, *rows = [
        " ".join(line.split()) for line in lines([grown, result(49.0, stage="launch"), result(wanted=None)])
    ]
    assert titles == "stage rate /s limit limit /s ratio wanted peak MiB N to 2N"
    assert set(rule) == {"-", " "}
    assert rows == [
        "import, 1,000 certificates 50 COPY 100 0.50 0.50 reached 80 time of one ×0.80, +10 MiB",
        "launch, 1,000 certificates 49 COPY 100 0.49 0.50 missed 80",
        "import, 1,000 certificates 50 COPY 100 0.50 80",
    ]


def test_columns_stand_under_each_other():
    table = lines([result(), result(5.0, stage="a stage with a longer name"), result(123_456.0, limit=1e6)])
    at = table[0].index("ratio")
    assert [line[at : at + 5].strip() for line in table[2:]] == ["0.50", "0.05", "0.12"]


def test_the_summary_names_what_is_missed_and_leaves_out_what_nobody_wants():
    assert summary([result(), result(wanted=None)]) == "1 of 1 stages reach the ratio that is wanted."
    missed = summary([result(), result(1.0, stage="launch"), result(2.0, stage="sending")])
    assert missed == "1 of 3 stages reach the ratio that is wanted; missed: launch, sending."


def test_the_json_has_the_facts_and_every_number():
    written = json.loads(json.dumps(document([result(), result(wanted=None, half=measured(25.0))], {"cores": 2})))
    first, second = written["stages"]
    assert (written["cores"], first["ratio"], first["verdict"], first["half"]) == (2, 0.5, "reached", None)
    assert first["work"] == {"count": 1000, "seconds": 20.0, "peak": 80 * MIB, "rate": 50.0}
    assert first["limit"]["rate"] == pytest.approx(100.0)
    assert (second["wanted"], second["verdict"], second["time_growth"]) == (None, "", 0.5)
