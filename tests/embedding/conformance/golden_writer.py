"""Writes the golden vectors: `python tests/embedding/conformance/golden_writer.py`.

Computes them by the numpy reference, which shares nothing with the engine. A test
compares what this writes with the files of the package.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
FOLDER = HERE.parents[2] / "embedding" / "conformance" / "golden"


def _module(path: Path) -> Any:
    """Loads a module by its path; pytest is not needed to write the files."""
    name = f"golden_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


oracle = _module(HERE.parent / "oracle.py")
golden_cases = _module(HERE / "golden_cases.py")


def texts() -> dict[str, str]:
    """Returns the text of each file by its name."""
    return {f"{group.name}.json": text(group) for group in golden_cases.GROUPS}


def text(group: Any) -> str:
    """Returns a group as JSON: a line for each row of a matrix."""
    batches = {
        case.key: golden_cases.batches(case, group.steps) for case in group.cases
    }
    content = {
        "group": group.name,
        "about": group.about,
        "pipelined": group.pipelined,
        "tables": {
            str(rows): matrix(golden_cases.start(rows))
            for rows in sorted({case.rows for case in group.cases})
        },
        "batches": {
            key: [{side: _batch(one) for side, one in step.items()} for step in steps]
            for key, steps in batches.items()
        },
        "cases": [_case(group, case, batches[case.key]) for case in group.cases],
    }
    return _json(content) + "\n"


def _case(group: Any, case: Any, batches: list[dict]) -> dict:
    options = {"learning_rate": golden_cases.RATE} | case.options
    found = {
        "name": case.name,
        "kind": case.kind,
        "combiner": case.combiner,
        "optimizer": case.optimizer,
        "options": options,
        "table": str(case.rows),
        "batches": case.key,
    }
    optional = {
        "weighted": case.weighted,
        "max_sequence_length": case.length,
        "output_shape": list(case.output_shape or ()),
        "id_type": case.id_type if case.id_type != "int64" else "",
        "policy": case.policy if case.fault else "",
        "quantization": list(case.quantization or ()),
    }
    found |= {key: value for key, value in optional.items() if value}
    return found | {"steps": _steps(group, case, options, batches)}


def _steps(group: Any, case: Any, options: dict, batches: list[dict]) -> list[dict]:
    """Returns what is expected of each step."""
    given = {
        name: tuple(value) if name == "clipvalue" and isinstance(value, list) else value
        for name, value in options.items()
    }
    quantization = case.quantization and oracle.Quantization(*case.quantization)
    table = oracle.Table(
        golden_cases.start(case.rows),
        getattr(oracle, case.optimizer)(**given),
        policy=case.policy,
        quantization=quantization,
        pipelined=group.pipelined,
    )
    steps = []
    for batch in batches:
        lookups = {side: _lookup(case, one) for side, one in batch.items()}
        if quantization:
            _check_margin(quantization, table.values)
        try:
            found = table.step([(lookups[s], batch[s].gradient) for s in batch])
        except oracle.Refused:
            steps.append({"refused": True, "state": _state(table)})
            break
        step = {"activations": dict(zip(batch, map(matrix, found), strict=True))}
        if not group.pipelined or batch is batches[-1]:
            step["state"] = _state(table)
        steps.append(step)
    if group.ends_with_inference:
        table.pipelined = False
        seen = {side: matrix(table.look_up(one)) for side, one in lookups.items()}
        # Reading the state would have every update applied.
        state = steps[-1].pop("state")
        steps.append({"inference": True, "activations": seen, "state": state})
    return steps


def _check_margin(quantization: Any, values: np.ndarray) -> None:
    """Makes sure that float32 rounds to the same bucket as float64."""
    width = (quantization.upper - quantization.lower) / (quantization.num_buckets - 1)
    place = (values - quantization.lower) / width + 0.5
    inside = (values > quantization.lower) & (values < quantization.upper)
    assert np.abs(place - place.round())[inside].min(initial=1) > 1e-4


def _lookup(case: Any, batch: Any) -> Any:
    folded = case.output_shape or (
        golden_cases.FOLDED if case.kind.endswith("3") else None
    )
    return oracle.Lookup(batch.ids, case.combiner, batch.weights, case.length, folded)


def _state(table: Any) -> dict:
    state = {"parameters": table.values} | table.slots
    return {name: matrix(values) for name, values in state.items()}


def _batch(batch: Any) -> dict:
    found = {"ids": batch.ids}
    if batch.weights is not None:
        found["weights"] = [" ".join(map(_number, row)) for row in batch.weights]
    return found | {"gradient": matrix(batch.gradient)}


def matrix(values: np.ndarray) -> list[str]:
    """Returns rows as text: the shortest decimals that float32 reads back the same."""
    rows = np.asarray(values).reshape(-1, np.shape(values)[-1]).astype(np.float32)
    return [" ".join(map(_number, row)) for row in rows]


def _number(value: Any) -> str:
    found = str(np.float32(value))
    assert np.float32(found) == np.float32(value) or np.isnan(value)
    return found.removesuffix(".0")


def _json(value: Any, indent: str = "") -> str:
    """Returns JSON whose innermost lists and flat objects are each one line."""
    line = json.dumps(value)
    if not isinstance(value, (dict, list)) or (
        len(line) + len(indent) < 88 and not _is_matrix(value)
    ):
        return line
    deeper = (indent + " ")[:3]
    if isinstance(value, dict):
        items = [f"{json.dumps(k)}: {_json(v, deeper)}" for k, v in value.items()]
        opening, closing = "{}"
    else:
        items = [_json(item, deeper) for item in value]
        opening, closing = "[]"
    joined = f",\n{deeper}".join(items)
    return f"{opening}\n{deeper}{joined}\n{indent}{closing}"


def _is_matrix(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, str) for row in value)


def main() -> None:
    """Writes all files, and removes those of groups that are no more."""
    FOLDER.mkdir(exist_ok=True)
    wanted = texts()
    for old in FOLDER.glob("*.json"):
        if old.name not in wanted:
            old.unlink()
    for name, content in wanted.items():
        (FOLDER / name).write_text(content)
        print(f"{FOLDER.name}/{name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
