"""What tests of planning share: spans that are there, and runs that came to an end."""

from shardline.components.contracts.spans.plan import Base, SpanPlan, Trained
from shardline.components.contracts.spans.state import SpanState
from shardline.components.readers.span_reader import FoundSpan


def there(*names: str) -> list[FoundSpan]:
    """Returns spans by name; `17.v2` is a version."""
    found = []
    for name in names:
        span, _, version = name.partition(".v")
        found.append(FoundSpan(span, int(version or 1), f"data of {name}"))
    return found


def after(state: SpanState, plan: SpanPlan, verdict: str = "published") -> SpanState:
    """Returns the state once a plan has been carried out."""
    number = len(state.runs) + 1
    base = Base(
        checkpoint=f"checkpoint/{number}",
        vocabularies=f"vocabularies/{number}",
        transform_graph=f"graph/{number}",
        steps=number,
        spans=plan.new,
    )
    refused = verdict == "refused"
    run = Trained(
        plan=plan,
        base=state.base if refused else base,
        model=f"model/{number}",
        verdict=verdict,  # type: ignore[arg-type]
        reasons=("too bad",) if refused else (),
    )
    return state.model_copy(update={"runs": (*state.runs, run)})


def names(plan: SpanPlan) -> tuple[list[str], str]:
    """Returns what a plan trains on, and what it judges on."""
    return [str(span) for span in plan.train], str(plan.evaluate or "")
