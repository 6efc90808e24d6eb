"""Lookups with what the engine answered: what a served model must answer, too.

A request looks features up for examples, each a list of ids; a feature's examples are
cut into named cases. A request without activations is one that the engine refused. The
trainer records them (`trainer.lookup_recorder`), they travel with the model beside its
parity examples, and the serving validator asks the model the same. numpy only: whoever
checks a model need not load TensorFlow.

`lookups.json` holds features, requests and cases; `lookups.npz` holds the arrays, named
`<request>/<feature>/<array>`.
"""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

LOOKUPS_FILE = "lookups.json"
ARRAYS_FILE = "lookups.npz"

Kind = Literal["single", "pooled", "weighted", "sequence"]


@dataclasses.dataclass(frozen=True)
class ExampleIds:
    """The ids of some examples.

    Attributes:
        values: int64 [n], the ids of one example after those of another.
        row_splits: int64 [examples + 1], where each example's begin, and the end.
        weights: float32 [n], or None.
    """

    values: np.ndarray
    row_splits: np.ndarray
    weights: np.ndarray | None = None

    @property
    def examples(self) -> int:
        """How many examples there are."""
        return len(self.row_splits) - 1

    def of(self, example: int) -> list[int]:
        """Returns the ids of one example."""
        start, stop = self.row_splits[example : example + 2]
        return [int(i) for i in self.values[start:stop]]

    def weights_of(self, example: int) -> list[float] | None:
        """Returns the weights of one example's ids."""
        if self.weights is None:
            return None
        start, stop = self.row_splits[example : example + 2]
        return [float(w) for w in self.weights[start:stop]]

    def part(self, start: int, stop: int) -> "ExampleIds":
        """Returns the examples from `start` to below `stop`, fewer at the end."""
        splits = self.row_splits[start : stop + 1]
        if len(splits) == 0:
            splits = self.row_splits[-1:]
        inside = slice(splits[0], splits[-1])
        weights = None if self.weights is None else self.weights[inside]
        return ExampleIds(self.values[inside], splits - splits[0], weights)


def example_ids(
    ids: Iterable[Sequence[int]], weights: Iterable[Sequence[float]] | None = None
) -> ExampleIds:
    """Returns lists of ids, and of their weights, as flat arrays."""
    lists = [np.asarray(example, np.int64) for example in ids]
    splits = np.cumsum([0, *map(len, lists)], dtype=np.int64)
    flat = None
    if weights is not None:
        parts = [np.asarray(example, np.float32) for example in weights]
        flat = np.concatenate([np.zeros(0, np.float32), *parts])
    return ExampleIds(np.concatenate([np.zeros(0, np.int64), *lists]), splits, flat)


class CaseRange(NamedTuple):
    """Where the examples of a case are in a request.

    Attributes:
        name: the name of the case: what its examples show.
        start: the first example.
        stop: the one after the last.
    """

    name: str
    start: int
    stop: int


@dataclasses.dataclass(frozen=True)
class RecordedLookup:
    """What a request looked up for one feature, and what the engine answered.

    Attributes:
        ids: the ids of the examples.
        cases: which together cover the examples.
        activations: float32 [examples, dim], or [examples, max_sequence_length, dim];
            None if the engine refused.
        allowed: by the precision of a table that rounds its rows, how far an activation
            may be off for that: float32, the activations' shape without the last axis.
            With "float32" if the engine adds rows up in another order than a model.
    """

    ids: ExampleIds
    cases: list[CaseRange]
    activations: np.ndarray | None = None
    allowed: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)


class RecordedFeature(NamedTuple):
    """A feature that was looked up.

    Attributes:
        table: the table that it looks rows up in.
        kind: what ids an example has for it.
    """

    table: str
    kind: Kind


@dataclasses.dataclass(frozen=True)
class ParityLookups:
    """All lookups that were recorded.

    Attributes:
        features: the features by name.
        requests: each one's lookups by feature; a request is answered or refused whole.
    """

    features: dict[str, RecordedFeature]
    requests: list[dict[str, RecordedLookup]]


def write_lookups(folder: str | Path, lookups: ParityLookups) -> None:
    """Writes lookups.

    Args:
        folder: made if absent.
        lookups: what to write.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        f"{number}/{name}/{key}": array
        for number, request in enumerate(lookups.requests)
        for name, recorded in request.items()
        for key, array in _arrays(recorded).items()
    }
    np.savez_compressed(folder / ARRAYS_FILE, **arrays)  # type: ignore[arg-type]
    described = {
        "features": {
            name: feature._asdict() for name, feature in lookups.features.items()
        },
        "requests": [
            {name: recorded.cases for name, recorded in request.items()}
            for request in lookups.requests
        ],
    }
    (folder / LOOKUPS_FILE).write_text(json.dumps(described, indent=1))


def load_lookups(folder: str | Path) -> ParityLookups:
    """Reads lookups.

    Args:
        folder: the parity folder of a checkpoint or a model.

    Raises:
        FileNotFoundError: if the folder holds none.
    """
    described = json.loads(Path(folder, LOOKUPS_FILE).read_text())
    with np.load(Path(folder, ARRAYS_FILE)) as file:
        arrays = dict(file)
    return ParityLookups(
        {
            name: RecordedFeature(**feature)
            for name, feature in described["features"].items()
        },
        [
            {
                name: _recorded(f"{number}/{name}/", cases, arrays)
                for name, cases in request.items()
            }
            for number, request in enumerate(described["requests"])
        ],
    )


def _arrays(recorded: RecordedLookup) -> dict[str, np.ndarray]:
    """Returns the arrays of a feature in a request, by their names in the file."""
    arrays = {
        "values": recorded.ids.values,
        "row_splits": recorded.ids.row_splits,
        "weights": recorded.ids.weights,
        "activations": recorded.activations,
        **{
            f"allowed/{precision}": array
            for precision, array in recorded.allowed.items()
        },
    }
    return {key: array for key, array in arrays.items() if array is not None}


def _recorded(
    prefix: str, cases: list[list[object]], arrays: dict[str, np.ndarray]
) -> RecordedLookup:
    by_key = {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
    allowed = {
        name.removeprefix("allowed/"): array
        for name, array in by_key.items()
        if name.startswith("allowed/")
    }
    return RecordedLookup(
        ExampleIds(by_key["values"], by_key["row_splits"], by_key.get("weights")),
        [CaseRange(*case) for case in cases],  # type: ignore[arg-type]
        by_key.get("activations"),
        allowed,
    )
