"""Which spans the gates on data close on, and which they let pass."""

from collections.abc import Mapping

import pytest

from shardline.components.comparison.data_gates import data_gates
from shardline.components.contracts.spans.plan import SpanPlan
from shardline.components.contracts.spans.profile import ColumnProfile, SpanProfile

COLUMN = ColumnProfile(filled=0.9, values=1.8, distinct=50)
START = 1_767_225_600  # 2026-01-01
DAY = 86_400
MONTHS = {"2026-01": 0, "2026-02": 31, "2026-03": 59, "2026-04": 90}


def profile(span: str = "2026-04", **told) -> SpanProfile:
    """What a month is like that is as all the others."""
    earliest = START + DAY * MONTHS.get(span, 0)
    usual = {
        "examples": 4_000,
        "content": span,
        "label_mean": 0.3,
        "columns": {"genre": COLUMN, "price": ColumnProfile(filled=1.0, values=1.0)},
        "earliest": earliest,
        "latest": earliest + 28 * DAY,
    }
    return SpanProfile(**{**usual, **told})


def faults(
    came: Mapping[str, SpanProfile], history: Mapping[str, SpanProfile] | None = None
) -> dict[str, str]:
    """Returns why each closed gate is closed."""
    if history is None:
        history = {span: profile(span) for span in [*MONTHS][:3]}
    gates = data_gates(SpanPlan(history=dict(history)), came)
    names = ["repeated", "time", "examples", "label", "columns"]
    assert [gate.gate for gate in gates] == [f"data.{name}" for name in names]
    return {gate.gate: gate.why for gate in gates if not gate.passes}


def fault(gate: str, **told) -> str:
    """Returns why a gate alone is closed for a month."""
    found = faults({"2026-04": profile(**told)})
    assert [*found] == [gate]
    return found[gate]


def passes(history: Mapping[str, SpanProfile] | None = None, **told) -> bool:
    return not faults({"2026-04": profile(**told)}, history)


def test_month_like_those_before_passes() -> None:
    assert passes()
    gates = data_gates(
        SpanPlan(history={"2026-03": profile("2026-03")}), {"2026-04": profile()}
    )
    assert gates[3].why == "labels are as before (2026-04, beside 1 span before)"


def test_first_span_has_nothing_to_be_compared_with() -> None:
    assert passes({}, label_mean=0.0, examples=3, columns={})


def test_no_new_span_passes() -> None:
    assert faults({}) == {}


# Content


def test_content_of_a_span_before_is_told() -> None:
    why = fault("data.repeated", content="2026-02")

    assert why == (
        "span 2026-04: its 4,000 examples are those of span 2026-02. Bring the right "
        "data, and train the span anew. If it is right, publish with --force."
    )


def test_content_of_another_span_of_the_run_is_told() -> None:
    came = {"2026-03": profile("2026-03"), "2026-04": profile(content="2026-03")}

    assert [*faults(came, {})] == ["data.repeated"]


@pytest.mark.parametrize("span", ["2026-04", "2026-04.v2", "2026-04/tail"])
@pytest.mark.parametrize("before", ["2026-04", "2026-04/head", "2026-04.v3/head"])
def test_span_is_not_compared_with_itself(span: str, before: str) -> None:
    history = {before: profile(label_mean=0.99)}

    assert faults({span: profile()}, history) == {}


# Time


@pytest.mark.parametrize(
    ("days", "passes_so"),
    [(0, True), (-1, True), (1, True), (-2, False), (4, False), (-59, False)],
)
def test_time_may_be_off_by_a_day(days: int, passes_so: bool) -> None:
    came = profile()
    shifted = {
        "earliest": came.earliest + days * DAY,
        "latest": came.latest + days * DAY,
    }

    assert passes(**shifted) is passes_so


def test_time_of_another_month_is_told() -> None:
    other = profile("2026-02")

    why = fault("data.time", earliest=other.earliest, latest=other.latest)

    assert "it has examples from 2026-02-01 00:00 to 2026-03-01 00:00" in why
    assert "it is the time from 2026-04-01 00:00 to 2026-05-01 00:00" in why
    assert "Put the data where it belongs" in why


@pytest.mark.parametrize(
    ("number", "days", "closes"),
    [("7", 0, False), ("7", -70, True), ("4", 0, True), ("4", -70, False)],
)
def test_numbered_spans_come_in_the_order_of_their_times(
    number: str, days: int, closes: bool
) -> None:
    history = {"5": profile("2026-02"), "6": profile("2026-03")}
    came = profile("2026-04")
    moved = came.model_copy(
        update={
            "earliest": came.earliest + days * DAY,
            "latest": came.latest + days * DAY,
        }
    )

    assert [*faults({number: moved}, history)] == (["data.time"] if closes else [])


def test_data_without_times_passes() -> None:
    assert passes(earliest=None, latest=None)


def test_time_that_is_no_date_is_told() -> None:
    why = fault("data.time", latest=1e30)

    assert "to second 1000000000000000019884624838656" in why


# Examples


@pytest.mark.parametrize(
    ("examples", "passes_so"), [(0, False), (799, False), (801, True), (400_000, True)]
)
def test_collapse_of_examples(examples: int, passes_so: bool) -> None:
    assert passes(examples=examples, label_mean=None) is passes_so


def test_collapse_is_told() -> None:
    why = fault("data.examples", examples=120)

    assert "it has 120 examples; spans before had from 4,000 to 4,000" in why
    assert "expected are at least 800" in why


def test_small_spans_may_vary() -> None:
    history = {span: profile(span, examples=900) for span in [*MONTHS][:3]}

    assert passes(history, examples=5)


def test_spans_that_vary_much_may_vary_more() -> None:
    history = {
        span: profile(span, examples=count)
        for span, count in zip(MONTHS, (9_000, 1_000, 3_000), strict=False)
    }

    assert passes(history, examples=300)
    assert not passes(history, examples=90)


def test_span_that_is_not_the_smallest_passes() -> None:
    history = {
        "2026-01": profile("2026-01", examples=100),
        "2026-02": profile("2026-02"),
        "2026-03": profile("2026-03"),
    }

    assert passes(history, examples=120)


# Labels


@pytest.mark.parametrize("label_mean", [0.22, 0.3, 0.39])
def test_labels_may_move_by_several_points(label_mean: float) -> None:
    assert passes(label_mean=label_mean)


@pytest.mark.parametrize("label_mean", [0.0, 0.1, 0.6, 0.7, 1.0])
def test_shift_of_labels_closes(label_mean: float) -> None:
    why = fault("data.label", label_mean=label_mean)

    assert f"the mean of its labels is {label_mean:.4g}" in why
    assert "it was from 0.3 to 0.3 before" in why


def test_shift_that_went_on_before_is_expected() -> None:
    history = {
        span: profile(span, label_mean=mean)
        for span, mean in zip(MONTHS, (0.2, 0.6, 0.3), strict=False)
    }

    assert passes(history, label_mean=0.7)


def test_shift_of_few_examples_may_be_chance() -> None:
    history = {span: profile(span, examples=50) for span in [*MONTHS][:3]}

    assert passes(history, examples=50, label_mean=0.6)


def test_rare_positives_may_be_absent_by_chance() -> None:
    history = {span: profile(span, label_mean=0.001) for span in [*MONTHS][:3]}

    assert passes(history, label_mean=0.0)
    assert passes(history, label_mean=0.003)
    assert not passes(history, label_mean=0.1)


def test_span_to_judge_on_is_compared_with_the_one_trained_on() -> None:
    came = {"2026-03": profile("2026-03"), "2026-04": profile(label_mean=0.8)}

    assert [*faults(came, {})] == ["data.label"]


# Columns


def columns(**genre) -> dict[str, ColumnProfile]:
    return {
        "genre": COLUMN.model_copy(update=genre),
        "price": ColumnProfile(filled=1.0, values=1.0),
    }


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"filled": 0.0, "values": 0.0}, "has no value; at least 90% of examples"),
        ({"filled": 0.3, "values": 0.6}, "has a value in 30.00% of examples"),
        ({"values": 0.4}, "has 0.444 values in an example that has any"),
        ({"distinct": 1}, "has one value only, at least 50 different ones before"),
    ],
)
def test_column_that_fell_is_told(told, said: str) -> None:
    why = fault("data.columns", columns=columns(**told))

    assert f"span 2026-04: column `genre` {said}" in why
    assert "take the features that read the column out" in why


def test_column_that_is_gone_is_told() -> None:
    only = {"price": ColumnProfile(filled=1.0, values=1.0)}

    assert "column `genre` has no value" in fault("data.columns", columns=only)


@pytest.mark.parametrize(
    "told",
    [
        {"filled": 0.5, "values": 1.0},
        {"filled": 1.0, "values": 0.6},
        {"values": 90.0, "distinct": 2},
        {"distinct": None},
    ],
)
def test_column_that_varies_passes(told) -> None:
    assert passes(columns=columns(**told))


def test_new_column_passes() -> None:
    assert passes(columns={**columns(), "new": COLUMN})


def test_column_that_not_all_spans_had_may_go() -> None:
    history = {
        "2026-02": profile("2026-02"),
        "2026-03": profile("2026-03", columns={**columns(), "new": COLUMN}),
    }

    assert passes(history)


def test_column_of_few_examples_may_hold_one_value() -> None:
    told = {"columns": columns(distinct=1), "label_mean": None}

    assert not passes(**told)
    small = {span: profile(span, examples=400) for span in [*MONTHS][:3]}
    assert passes(small, examples=400, **told)


def test_rare_column_may_be_empty_by_chance() -> None:
    rare = {**columns(), "gift": ColumnProfile(filled=0.005, values=0.005, distinct=3)}
    history = {span: profile(span, columns=rare) for span in [*MONTHS][:3]}

    assert passes(history, columns=columns())
