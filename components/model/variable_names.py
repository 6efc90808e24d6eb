"""Names of a dense model's variables that are the same in every process.

Keras numbers what has no name of its own by the process: the second model's first dense
layer is `dlrm_1/dense_4`. Here layers of a kind are numbered within what they are part
of, in the order in which they were made: `dlrm/dense`, `dlrm/dense_1`. Names that users
give stay as they are.
"""

import collections
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import keras

_Path = tuple[str, ...]

# What Keras numbers although it is no layer.
_SEEDS = "seed_generator"


class _Numbered(NamedTuple):
    """A name that Keras made."""

    kind: str
    number: int


def model_names(model: keras.Model) -> list[str]:
    """Returns a name for each variable of a built model, in their order; no two alike.

    Args:
        model: its layers are searched too, also those in lists.
    """
    numbered = {
        layer.name: found
        for layer in model._flatten_layers()
        if (found := _numbered(layer.name, type(layer).__name__))
    }
    paths = [tuple(variable.path.split("/")) for variable in model.variables]
    for part in {part for path in paths for part in path}:
        if found := _numbered(part, _SEEDS):
            numbered.setdefault(part, found)
    places = _places(paths, numbered)
    names = [
        "/".join(places[path[: end + 1]] for end in range(len(path))) for path in paths
    ]
    return _distinct(names)


def optimizer_names(
    optimizer: keras.optimizers.Optimizer, model: keras.Model
) -> list[str]:
    """Returns a name for each variable of a built optimizer; no two alike.

    A slot is named after the variable that it belongs to: `dlrm/dense/kernel/momentum`.

    Args:
        optimizer: built for all trainable variables of the model.
        model: the model.
    """
    owners = {
        f"{variable.path.replace('/', '_')}_": name
        for variable, name in zip(model.variables, model_names(model), strict=True)
    }
    names = []
    for variable in optimizer.variables:
        name = variable.path.partition("/")[2]
        owner = max((o for o in owners if name.startswith(o)), key=len, default=None)
        names.append(f"{owners[owner]}/{name[len(owner) :]}" if owner else name)
    return _distinct(names)


def _numbered(name: str, kind: str) -> _Numbered | None:
    """Returns what a name says, if Keras made it of the name of a class."""
    plain = re.sub(r"\W", "", kind).lower().replace("_", "")
    if name.replace("_", "") == plain:
        return _Numbered(name, 0)
    base, _, number = name.rpartition("_")
    if number.isdigit() and base.replace("_", "") == plain:
        return _Numbered(base, int(number))
    return None


def _places(
    paths: Iterable[_Path], numbered: Mapping[str, _Numbered]
) -> dict[_Path, str]:
    """Returns the new name of the last part of each path, and of what it is part of."""
    siblings: dict[tuple[_Path, str], set[tuple[int, str]]] = collections.defaultdict(
        set
    )
    places = {}
    for path in paths:
        for end, part in enumerate(path):
            places[path[: end + 1]] = part
            if found := numbered.get(part):
                siblings[path[:end], found.kind].add((found.number, part))
    for (above, kind), parts in siblings.items():
        for place, (_, part) in enumerate(sorted(parts)):
            places[*above, part] = f"{kind}_{place}" if place else kind
    return places


def _distinct(names: Sequence[str]) -> list[str]:
    """Numbers names that occur several times."""
    seen: dict[str, Any] = collections.Counter()
    made = []
    for name in names:
        seen[name] += 1
        made.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return made
