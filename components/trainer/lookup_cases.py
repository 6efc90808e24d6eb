"""The lookups that show whether a served model looks up as the engine does.

Cases are few and short whatever the size of a table: the first and last row of every
host's range, some rows between, and every input that a policy decides on.
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
class LookupCase:
    """Examples that show one thing.

    Attributes:
        name: what they show.
        ids: the ids of each example.
        weights: the weights of each example's ids, or None.
        is_risky: whether the policy `error` may refuse them.
    """

    name: str
    ids: Sequence[Sequence[int]]
    weights: Sequence[Sequence[float]] | None = None
    is_risky: bool = False


@dataclasses.dataclass(frozen=True)
class FeatureShape:
    """What a feature's cases depend on.

    Attributes:
        kind: what ids an example has for it.
        rows: the rows of its table.
        hosts: the hosts that the table lies on.
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
        """Returns ids from all over the table, in no order.

        Args:
            count: how many.
        """
        drawn = np.random.default_rng(self.rows).integers(0, self.rows, _SOME_ROWS)
        return [int(i) for i in np.resize(drawn, count)]

    @property
    def wrong_ids(self) -> dict[str, int]:
        """Ids that no row of the table has, by what is wrong with them."""
        return {
            "negative id": -1,
            "id far below 0": -(2**40),
            "id equal to the rows": self.rows,
            "id beyond 31 bits": max(self.rows, 2**31 + 5),
            # Its lower 32 bits are 1, a row.
            "id beyond 40 bits": max(self.rows, 2**40 + 1),
        }


def cases_of(feature: FeatureShape) -> list[LookupCase]:
    """Returns every case of a feature.

    Args:
        feature: what the cases depend on.
    """
    if feature.kind == "single":
        return _single(feature)
    cases = [*_bags(feature), *_wrong_bags(feature)]
    if feature.kind == "sequence":
        return [*cases, *_sequences(feature)]
    if feature.kind == "weighted":
        return [*map(_weighted, cases), *_weights(feature)]
    return cases


def _single(feature: FeatureShape) -> list[LookupCase]:
    some = feature.ids(_SOME_ROWS)
    return [
        LookupCase("first and last rows", [[i] for i in feature.edges]),
        LookupCase("one id", [[i] for i in some]),
        LookupCase("an id twice", [some[:1], some[:1]]),
        *(
            LookupCase(name, [[wrong]], is_risky=True)
            for name, wrong in feature.wrong_ids.items()
        ),
    ]


def _bags(feature: FeatureShape) -> list[LookupCase]:
    some, edges = feature.ids(_SOME_ROWS), feature.edges
    return [
        LookupCase("no ids", [[]]),
        LookupCase("one id", [[i] for i in [*edges, *some]]),
        LookupCase("first and last rows", [edges, edges[::-1]]),
        LookupCase("several ids", [some[:3], some[3:10], some]),
        LookupCase("many ids", [feature.ids(_MANY_IDS)]),
        LookupCase("an id twice", [[some[0], some[0]], [some[0], some[1], some[0]]]),
    ]


def _wrong_bags(feature: FeatureShape) -> list[LookupCase]:
    before, after = feature.ids(2)
    return [
        LookupCase(name, [[wrong], [before, wrong, after]], is_risky=True)
        for name, wrong in feature.wrong_ids.items()
    ]


def _sequences(feature: FeatureShape) -> list[LookupCase]:
    full = feature.ids(feature.longest)
    longer = [feature.ids(feature.longest + more) for more in _LONGER_BY]
    return [
        LookupCase("exactly the maximum", [full, full[::-1]]),
        LookupCase("longer than the maximum", longer),
        LookupCase("wrong id past the maximum", [[*full, feature.rows]], is_risky=True),
    ]


def _weighted(case: LookupCase) -> LookupCase:
    """Returns a case whose ids have weights, no two neighbours the same."""
    weights = [
        [0.25 * (1 + position % 7) for position in range(len(ids))] for ids in case.ids
    ]
    return dataclasses.replace(case, weights=weights)


def _weights(feature: FeatureShape) -> list[LookupCase]:
    ids = feature.ids(3)
    wrong = {
        "negative weight": -2.0,
        "weight not a number": math.nan,
        "infinite weight": math.inf,
    }
    return [
        LookupCase("zero weights", [ids[:1], ids], [[0.0], [0.0, 0.0, 0.0]]),
        LookupCase("some zero weights", [ids, ids], [[0.0, 1.5, 0.0], [0.5, 0.0, 2.0]]),
        LookupCase("weights far apart", [ids], [[1e-6, 3.0, 1e6]]),
        *(
            LookupCase(
                name, [ids[:1], ids], [[weight], [1.5, weight, 0.5]], is_risky=True
            )
            for name, weight in wrong.items()
        ),
    ]
