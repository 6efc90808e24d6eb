"""Lookups with what the engine answered: the file that a served model is held against.

A request asks features for examples, each a list of ids; a feature's examples are cut
into named cases. A request without activations is one that the engine refused. The
trainer writes them (`components.trainer.probes`), they travel with the model beside its
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
class Bags:
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

    def ids(self, example: int) -> list[int]:
        """Returns the ids of one example."""
        start, stop = self.row_splits[example : example + 2]
        return [int(i) for i in self.values[start:stop]]

    def weights_of(self, example: int) -> list[float] | None:
        """Returns the weights of one example's ids."""
        if self.weights is None:
            return None
        start, stop = self.row_splits[example : example + 2]
        return [float(w) for w in self.weights[start:stop]]

    def part(self, start: int, stop: int) -> "Bags":
        """Returns the examples from `start` to below `stop`, fewer at the end."""
        splits = self.row_splits[start : stop + 1]
        if len(splits) == 0:
            splits = self.row_splits[-1:]
        inside = slice(splits[0], splits[-1])
        weights = None if self.weights is None else self.weights[inside]
        return Bags(self.values[inside], splits - splits[0], weights)


def bags_of(
    ids: Iterable[Sequence[int]], weights: Iterable[Sequence[float]] | None = None
) -> Bags:
    """Returns lists of ids, and of their weights, as flat arrays."""
    lists = [np.asarray(one, np.int64) for one in ids]
    splits = np.cumsum([0, *map(len, lists)], dtype=np.int64)
    flat = None
    if weights is not None:
        parts = [np.asarray(one, np.float32) for one in weights]
        flat = np.concatenate([np.zeros(0, np.float32), *parts])
    return Bags(np.concatenate([np.zeros(0, np.int64), *lists]), splits, flat)


class Case(NamedTuple):
    """Examples of a request that show one thing.

    Attributes:
        name: what they show.
        start: the first example.
        stop: the one after the last.
    """

    name: str
    start: int
    stop: int


@dataclasses.dataclass(frozen=True)
class Asked:
    """What one feature was asked in a request, and what the engine answered.

    Attributes:
        bags: the ids.
        cases: of the examples, which they cover.
        activations: float32 [examples, dim], or [examples, max_sequence_length, dim];
            None if the engine refused.
        allowed: by the precision of a table that rounds its rows, how far an activation
            may be off for that: float32, the activations' shape without the last axis.
    """

    bags: Bags
    cases: list[Case]
    activations: np.ndarray | None = None
    allowed: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)


class Probed(NamedTuple):
    """A feature that was asked.

    Attributes:
        table: its name.
        kind: what the feature takes.
    """

    table: str
    kind: Kind


@dataclasses.dataclass(frozen=True)
class Lookups:
    """Everything that was asked.

    Attributes:
        features: by name.
        requests: what each asked, by feature; all answered, or all refused.
    """

    features: dict[str, Probed]
    requests: list[dict[str, Asked]]


def write_lookups(folder: str | Path, lookups: Lookups) -> None:
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
        for name, asked in request.items()
        for key, array in _arrays(asked).items()
    }
    np.savez_compressed(folder / ARRAYS_FILE, **arrays)  # type: ignore[arg-type]
    described = {
        "features": {name: one._asdict() for name, one in lookups.features.items()},
        "requests": [
            {name: asked.cases for name, asked in request.items()}
            for request in lookups.requests
        ],
    }
    (folder / LOOKUPS_FILE).write_text(json.dumps(described, indent=1))


def load_lookups(folder: str | Path) -> Lookups:
    """Reads lookups.

    Args:
        folder: the parity folder of a checkpoint or a model.

    Raises:
        FileNotFoundError: if the folder holds none.
    """
    described = json.loads(Path(folder, LOOKUPS_FILE).read_text())
    with np.load(Path(folder, ARRAYS_FILE)) as file:
        arrays = dict(file)
    return Lookups(
        {name: Probed(**one) for name, one in described["features"].items()},
        [
            {
                name: _asked(f"{number}/{name}/", cases, arrays)
                for name, cases in request.items()
            }
            for number, request in enumerate(described["requests"])
        ],
    )


def _arrays(asked: Asked) -> dict[str, np.ndarray]:
    """Returns the arrays of a feature in a request, by their names in the file."""
    arrays = {
        "values": asked.bags.values,
        "row_splits": asked.bags.row_splits,
        "weights": asked.bags.weights,
        "activations": asked.activations,
        **{f"allowed/{precision}": array for precision, array in asked.allowed.items()},
    }
    return {key: array for key, array in arrays.items() if array is not None}


def _asked(
    prefix: str, cases: list[list[object]], arrays: dict[str, np.ndarray]
) -> Asked:
    own = {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
    allowed = {
        name.removeprefix("allowed/"): array
        for name, array in own.items()
        if name.startswith("allowed/")
    }
    return Asked(
        Bags(own["values"], own["row_splits"], own.get("weights")),
        [Case(*case) for case in cases],  # type: ignore[arg-type]
        own.get("activations"),
        allowed,
    )
