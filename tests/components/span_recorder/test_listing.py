"""What became of spans, and what comes next."""

from shardline.components.contracts.spans.plan import (
    Base,
    SpanPlan,
    Trained,
)
from shardline.components.contracts.spans.state import SpanState
from shardline.components.readers.span_reader import FoundSpan
from shardline.components.span_planner.choice import Settings
from shardline.components.span_planner.planning import make_plan, oldest_start
from shardline.components.span_recorder.listing import listed
from shardline.configs.spans import Spans

SETTINGS = Settings(spans=Spans(), when_refused="skip")
BASE = Base(checkpoint="c", vocabularies="v", transform_graph="g", steps=1, spans=())


def there(*names: str) -> list[FoundSpan]:
    found = []
    for name in names:
        span, _, version = name.partition(".v")
        found.append(FoundSpan(span, int(version or 1), f"data of {name}"))
    return found


def after(state: SpanState, plan: SpanPlan, verdict: str, auc: float) -> SpanState:
    is_refused = verdict == "refused"
    run = Trained(
        plan=plan,
        base=state.base if is_refused else BASE,
        model="m",
        verdict=verdict,  # type: ignore[arg-type]
        version="" if is_refused else f"17{len(state.runs)}",
        reasons=("regression: worse",) if is_refused else (),
        metrics={"auc": auc},
    )
    return state.model_copy(update={"runs": (*state.runs, run)})


def test_each_span_has_its_status() -> None:
    state, found = SpanState(name="run"), there("9", "10", "11", "12")
    for verdict, auc in (("published", 0.7), ("published", 0.8), ("refused", 0.6)):
        state = after(state, make_plan(state, found, SETTINGS), verdict, auc)
    state = state.model_copy(update={"skipped": {"14": "bots", "20": "a holiday"}})
    found += there("13", "14", "15", "16", "9.v2")

    rows = listed(state, found, make_plan(state, found, SETTINGS))

    assert [(row.span, row.version, row.status) for row in rows] == [
        ("9", 1, "trained"),
        ("9", 2, "due"),
        ("10", 1, "served"),
        ("11", 1, "refused"),
        ("12", 1, "waiting"),
        ("13", 1, "waiting"),
        ("14", 1, "skipped"),
        ("15", 1, "waiting"),
        ("16", 1, "judging"),
        ("20", None, "skipped"),
    ]
    served, refused = rows[2], rows[3]
    assert (served.judged_on, served.metrics) == ("11", {"auc": 0.8})
    assert (served.served_version, served.note) == ("171", "")
    assert refused.served_version is None
    assert refused.note == "regression: worse"
    assert rows[6].note == "bots"


def test_version_that_was_replaced_before_it_was_learnt_says_so() -> None:
    found = there("1", "1.v2", "2")

    rows = listed(SpanState(name="run"), found, None)

    assert [row.status for row in rows] == ["replaced", "waiting", "waiting"]


def test_spans_that_do_not_count_say_so() -> None:
    found = there("1", "2", "3", "4", "5")
    begins = Settings(spans=Spans(begin="newest", window=2))
    state = SpanState(name="run")
    state = after(state, make_plan(state, found, begins), "published", 0.7)

    for spans, expected in (
        (begins.spans, ["earlier"] * 2 + ["served"] * 2 + ["waiting"]),
        (Spans(first="2"), ["earlier", "waiting"] + ["served"] * 2 + ["waiting"]),
    ):
        rows = listed(state, found, None, oldest_start(state, spans))
        assert [row.status for row in rows] == expected


def test_span_that_is_gone_is_still_told() -> None:
    state = SpanState(name="run")
    state = after(state, make_plan(state, there("1", "2"), SETTINGS), "published", 0.7)

    assert [row.span for row in listed(state, there("2"), None)] == ["1", "2"]


def test_parts_of_a_span_are_one_row_judged_on_its_own_tail() -> None:
    rules = Settings(spans=Spans(), on="held_out")
    state, found = SpanState(name="run"), there("1", "2")
    for auc in (0.7, 0.8):
        state = after(state, make_plan(state, found, rules), "published", auc)

    rows = listed(state, found, make_plan(state, found, rules))

    assert [(row.span, row.status, row.judged_on, row.metrics) for row in rows] == [
        ("1", "trained", "1/tail", {"auc": 0.7}),
        ("2", "served", "2/tail", {"auc": 0.8}),
    ]


def test_model_that_was_tried_again_counts() -> None:
    state, found = SpanState(name="run"), there("1", "2")
    plan = make_plan(state, found, SETTINGS)
    state = after(after(state, plan, "refused", 0.5), plan, "forced", 0.5)

    assert [row.status for row in listed(state, found, None)] == ["served", "waiting"]
