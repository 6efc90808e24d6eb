"""What a feature is asked to find out whether a served model looks up as the engine.

Cases are few and short whatever the size of a table: the first and last row of every
host's range, some rows between, and whatever a policy has a word for.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from shardline.components.contracts.parity_lookups import Kind
from shardline.embedding.tables.partition import row_ranges

_SOME_ROWS = 32
_LONGER_BY = (1, 5)
_MANY_IDS = 150


@dataclasses.dataclass(frozen=True)
class Probe:
    """Examples that show one thing.

    Attributes:
        case: what they show.
        ids: of each example.
        weights: of each example's ids, or None.
        is_risky: whether the policy `error` may refuse them.
    """

    case: str
    ids: Sequence[Sequence[int]]
    weights: Sequence[Sequence[float]] | None = None
    is_risky: bool = False


@dataclasses.dataclass(frozen=True)
class Probing:
    """What to know of a feature to ask it.

    Attributes:
        kind: what it takes.
        rows: of its table.
        hosts: that the table lies on.
        longest: `max_sequence_length` of a sequence, else 0.
    """

    kind: Kind
    rows: int
    hosts: int
    longest: int = 0

    @property
    def edges(self) -> list[int]:
        """The first and the last row of each host's range."""
        ranges = row_ranges(self.rows, self.hosts)
        return sorted({row for first, end in ranges for row in (first, end - 1)})

    def ids(self, count: int) -> list[int]:
        """Returns so many ids of all over the table, in no order."""
        drawn = np.random.default_rng(self.rows).integers(0, self.rows, _SOME_ROWS)
        return [int(i) for i in np.resize(drawn, count)]

    @property
    def wrong_ids(self) -> dict[str, int]:
        """Ids that no row has, in tables of fewer rows."""
        return {
            "negative id": -1,
            "id far below 0": -(2**40),
            "id equal to the rows": self.rows,
            "id beyond 31 bits": max(self.rows, 2**31 + 5),
            # Its lower 32 bits are 1, a row.
            "id beyond 40 bits": max(self.rows, 2**40 + 1),
        }


def probes_of(feature: Probing) -> list[Probe]:
    """Returns every case of a feature."""
    if feature.kind == "single":
        return _single(feature)
    probes = [*_bags(feature), *_wrong_bags(feature)]
    if feature.kind == "sequence":
        return [*probes, *_sequences(feature)]
    if feature.kind == "weighted":
        return [*map(_weighted, probes), *_weights(feature)]
    return probes


def _single(feature: Probing) -> list[Probe]:
    some = feature.ids(_SOME_ROWS)
    return [
        Probe("first and last rows", [[i] for i in feature.edges]),
        Probe("one id", [[i] for i in some]),
        Probe("an id twice", [some[:1], some[:1]]),
        *(
            Probe(case, [[wrong]], is_risky=True)
            for case, wrong in feature.wrong_ids.items()
        ),
    ]


def _bags(feature: Probing) -> list[Probe]:
    some, edges = feature.ids(_SOME_ROWS), feature.edges
    return [
        Probe("no ids", [[]]),
        Probe("one id", [[i] for i in [*edges, *some]]),
        Probe("first and last rows", [edges, edges[::-1]]),
        Probe("several ids", [some[:3], some[3:10], some]),
        Probe("many ids", [feature.ids(_MANY_IDS)]),
        Probe("an id twice", [[some[0], some[0]], [some[0], some[1], some[0]]]),
    ]


def _wrong_bags(feature: Probing) -> list[Probe]:
    before, after = feature.ids(2)
    return [
        Probe(case, [[wrong], [before, wrong, after]], is_risky=True)
        for case, wrong in feature.wrong_ids.items()
    ]


def _sequences(feature: Probing) -> list[Probe]:
    full = feature.ids(feature.longest)
    longer = [feature.ids(feature.longest + more) for more in _LONGER_BY]
    return [
        Probe("exactly the maximum", [full, full[::-1]]),
        Probe("longer than the maximum", longer),
        Probe("wrong id past the maximum", [[*full, feature.rows]], is_risky=True),
    ]


def _weighted(probe: Probe) -> Probe:
    """Gives the ids of a probe weights, no two neighbours the same."""
    weights = [[0.25 * (1 + place % 7) for place in range(len(i))] for i in probe.ids]
    return dataclasses.replace(probe, weights=weights)


def _weights(feature: Probing) -> list[Probe]:
    ids = feature.ids(3)
    wrong = {
        "negative weight": -2.0,
        "weight not a number": math.nan,
        "infinite weight": math.inf,
    }
    return [
        Probe("zero weights", [ids[:1], ids], [[0.0], [0.0, 0.0, 0.0]]),
        Probe("some zero weights", [ids, ids], [[0.0, 1.5, 0.0], [0.5, 0.0, 2.0]]),
        Probe("weights far apart", [ids], [[1e-6, 3.0, 1e6]]),
        *(
            Probe(case, [ids[:1], ids], [[weight], [1.5, weight, 0.5]], is_risky=True)
            for case, weight in wrong.items()
        ),
    ]
