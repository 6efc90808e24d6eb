"""A run whose data comes in days, without the time that training takes."""

from pathlib import Path

from shardline.components.contracts.spans.plan import Base, SpanPlan, Trained
from shardline.components.contracts.spans.state import SpanState, load_state

CONFIG = """\
name: shop
data:
  files: {{format: csv, splits: {{train: '{pattern}'}}}}
  path: {path}
  spans: {spans}
features:
  user: {{table: user}}
tables:
  user: {{dim: 4}}
training: {{batch_size: 8, epochs: 1}}
evaluation: {evaluation}
"""


def write_config(
    folder: Path,
    *,
    pattern: str = "day-{SPAN}.csv",
    spans: str = "{}",
    evaluation: str = "{min_auc: 0.5}",
) -> Path:
    """Writes a configuration of data in `folder/clicks`."""
    config = folder / "shop.yaml"
    path = folder / "clicks"
    path.mkdir(exist_ok=True)
    config.write_text(
        CONFIG.format(path=path, pattern=pattern, spans=spans, evaluation=evaluation)
    )
    return config


def write_days(folder: Path, *names: str) -> None:
    """Writes a file of clicks for each name."""
    for name in names:
        (folder / "clicks" / f"day-{name}.csv").write_text("label,user\n1,ann\n")


def carry_out(plan: SpanPlan, serving_dir: Path, verdict: str = "published") -> None:
    """Writes the state that a run with this plan would leave, and its checkpoint."""
    state = load_state(str(serving_dir), "shop")
    made = serving_dir.parent / f"run-{len(state.runs)}"
    made.mkdir(parents=True)
    base = Base(
        checkpoint=str(made),
        vocabularies=str(made),
        transform_graph=str(made),
        steps=1,
        spans=plan.new,
    )
    is_refused = verdict == "refused"
    run = Trained(
        plan=plan,
        base=state.base if is_refused else base,
        model=str(made),
        verdict=verdict,  # type: ignore[arg-type]
        version="" if is_refused else f"17{len(state.runs)}",
        reasons=("regression: AUC fell by 0.02",) if is_refused else (),
        metrics={"auc": 0.75, "normalized_entropy": 0.9},
    )
    SpanState(
        name="shop",
        runs=(*state.runs, run),
        skipped=state.skipped,
        baseline=state.baseline or (None if is_refused else str(made)),
    ).save(str(serving_dir))
