"""Reads the golden vectors, which lie beside this module, a file for each group.

They were computed by a numpy reference that shares nothing with the engine, in float64,
and rounded once, to float32. They are JSON so that a person can read them and a change
of them shows line by line; a row of numbers is one text, the shortest decimals that
float32 reads back to the same bits.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shardline.embedding.conformance.cases import Batch, Case, Group, Step

FOLDER = Path(__file__).with_name("golden")

# In the order of the report: what builds on something comes after it.
GROUPS = (
    "inputs",
    "policies",
    "sequences",
    "optimizers",
    "learning_rates",
    "accumulation",
    "quantization",
    "staleness",
    "checkpoints",
)


def read_groups(names: Sequence[str] = ()) -> list[Group]:
    """Returns groups with their cases, in the order of `GROUPS`.

    Args:
        names: of the groups wanted; none for all.

    Raises:
        ValueError: if there is no group of a name.
    """
    unknown = sorted(set(names) - set(GROUPS))
    if unknown:
        raise ValueError(
            f"There is no group {', '.join(unknown)}. The groups are: "
            f"{', '.join(GROUPS)}."
        )
    wanted = names or GROUPS
    return [_read(FOLDER / f"{name}.json") for name in GROUPS if name in wanted]


def _read(path: Path) -> Group:
    content = json.loads(path.read_text())
    tables = {name: matrix(rows) for name, rows in content["tables"].items()}
    batches = {
        name: [{side: _batch(batch) for side, batch in step.items()} for step in steps]
        for name, steps in content["batches"].items()
    }
    cases = tuple(
        _case(case, tables[case["table"]], batches[case["batches"]])
        for case in content["cases"]
    )
    return Group(content["group"], content["about"], content["pipelined"], cases)


def _case(
    content: Mapping[str, Any], start: np.ndarray, batches: list[dict[str, Batch]]
) -> Case:
    shape, quantization = content.get("output_shape"), content.get("quantization")
    # An inference looks the batch before it up once more.
    batches = [*batches, batches[-1]]
    return Case(
        name=content["name"],
        kind=content["kind"],
        combiner=content["combiner"],
        id_type=content.get("id_type", "int64"),
        max_sequence_length=content.get("max_sequence_length", 0),
        output_shape=tuple(shape) if shape else None,
        optimizer=content["optimizer"],
        options=content["options"],
        policy=content.get("policy", "error"),
        quantization=tuple(quantization) if quantization else None,
        start=start,
        steps=tuple(
            _step(step, batch)
            for step, batch in zip(content["steps"], batches, strict=False)
        ),
    )


def _step(content: Mapping[str, Any], batches: Mapping[str, Batch]) -> Step:
    expected = (content.get(part, {}) for part in ("activations", "state"))
    activations, state = (
        {name: matrix(rows) for name, rows in part.items()} for part in expected
    )
    return Step(
        batches=batches,
        training=not content.get("inference", False),
        is_refused=content.get("refused", False),
        activations=activations,
        state=state,
    )


def _batch(content: Mapping[str, Any]) -> Batch:
    weights = content.get("weights")
    return Batch(
        ids=tuple(map(tuple, content["ids"])),
        weights=weights and tuple(tuple(map(float, row.split())) for row in weights),
        gradient=matrix(content["gradient"]),
    )


def matrix(rows: Sequence[str]) -> np.ndarray:
    """Returns float32 [rows, dim] from a text for each row."""
    return np.array([row.split() for row in rows]).astype(np.float32)
