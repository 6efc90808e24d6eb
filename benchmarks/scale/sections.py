"""What is measured, a section each: slopes between two sizes.

Processor time, not time: other programs may run meanwhile.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.engine.session import FOLDER
from benchmarks.preprocess import session
from benchmarks.scale.programs.pipeline import EPOCHS
from benchmarks.scale.workload import (
    CLUSTER_HOSTS,
    LISTED_IDS,
    MODEL_ROWS,
    MORE_IDS,
    ROWS,
    SET_ROWS,
    STEP,
    TOKENS,
    WIDER,
)
from benchmarks.serving.programs.large import DIM

WORK = FOLDER / "scale"
_LIMIT_S = 3000


def rows() -> dict[str, Any]:
    """Returns costs of rows and their ids in the pipeline's components."""
    few, more = (_pipeline(count, LISTED_IDS[0]) for count in ROWS)
    longer = _pipeline(ROWS[1], LISTED_IDS[1])
    costs = {}
    for name, component, passes in (
        # Both splits are read, and have statistics.
        ("read", "ReaderExampleGen", 2),
        ("statistics", "StatisticsGen", 2),
        # One split is counted and both are written; one is judged.
        ("features", "FeatureTransform", 1),
        ("evaluation", "Evaluator", 1),
        ("train", "Trainer", EPOCHS),
    ):
        took = [run["cpu_s"][component] / passes for run in (few, more, longer)]
        costs[name] = row_cost(*took)
    sizes = [sum(run["bytes"].values()) for run in (few, more, longer)]
    return {**costs, "example_bytes": row_cost(*sizes)}


def tokens() -> dict[str, Any]:
    """Returns costs of tokens: put in order, updated, and looked up."""
    costs = {}
    for name in ("sort", "live", "look_up"):
        took = [
            _run("vocabulary", name, WORK / f"{name}-{count}", str(count))
            for count in TOKENS
        ]
        costs[name] = {
            key: slope([one[key] for one in took], TOKENS) for key in ("cpu_s", "bytes")
        }
    return costs


def steps() -> dict[str, Any]:
    """Returns costs of a training step on a host, and of the chief of a cluster."""
    took = {
        who: [
            _run("hosts", who, workload.as_json())["cpu_s"]
            for workload in (STEP, MORE_IDS, WIDER)
        ]
        for who in ("engine", "chief")
    }
    ids = [STEP.tables * work.ids_per_table for work in (STEP, MORE_IDS)]
    floats = [ids[0] * STEP.dim, ids[0] * WIDER.dim]
    host_float = slope([took["engine"][0], took["engine"][2]], floats)
    activations = [
        CLUSTER_HOSTS * STEP.tables * STEP.batch * dim for dim in (STEP.dim, WIDER.dim)
    ]
    return {
        "host_step": {
            "id": slope(took["engine"][:2], ids) - STEP.dim * host_float,
            "float": host_float,
        },
        "chief_step": {
            "id": slope(took["chief"][:2], ids),
            "float": slope([took["chief"][0], took["chief"][2]], activations),
        },
    }


def tables() -> dict[str, Any]:
    """Returns costs of bytes of tables: saved, restored, exported and loaded."""
    saved = _run("tables", "sets", WORK / "sets", str(SET_ROWS))
    exported, loaded = [], []
    for count in MODEL_ROWS:
        folder = WORK / f"model-{count}"
        folder.mkdir(parents=True)
        arguments = ("make", folder, "--rows", str(count), "--hosts", "1")
        _run("large", *arguments, package="benchmarks.serving.programs")
        exported.append(_run("tables", "export", folder, str(count)))
        loaded.append(_run("tables", "load", folder, str(count)))
    sizes = [count * DIM * 4 for count in MODEL_ROWS]
    return {
        "save_cpu_s": saved["save_cpu_s"] / saved["bytes"],
        "restore_cpu_s": saved["restore_cpu_s"] / saved["bytes"],
        "set_row_bytes": saved["row_overhead_bytes"],
        "export_cpu_s": slope([one["cpu_s"] for one in exported], sizes),
        "load_bytes": slope([one["bytes"] for one in loaded], sizes),
    }


def row_cost(few: float, more: float, longer: float) -> dict[str, float]:
    """Returns the cost of a row and of an id.

    Args:
        few: the cost of few rows with few ids.
        more: of more rows.
        longer: of these rows with more ids.
    """
    per_id = (longer - more) / (ROWS[1] * (LISTED_IDS[1] - LISTED_IDS[0]))
    # A row has a single id beside those of its list.
    return {
        "row": slope([few, more], ROWS) - (LISTED_IDS[0] + 1) * per_id,
        "id": per_id,
    }


def slope(costs: Any, sizes: Any) -> float:
    """Returns what each unit of size costs, from two costs at two sizes."""
    return float((costs[1] - costs[0]) / (sizes[1] - sizes[0]))


def _pipeline(count: int, ids: int) -> Any:
    return _run("pipeline", WORK / f"run-{count}-{ids}", str(count), str(ids))


def _run(
    module: str, *arguments: str | Path, package: str = "benchmarks.scale.programs"
) -> Any:
    name = "-".join([module, *(Path(one).name for one in arguments)])[:60]
    return session.run(session.Program(name, module, arguments, _LIMIT_S, package))


SECTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "rows": rows,
    "tokens": tokens,
    "steps": steps,
    "tables": tables,
}
