"""What one unit of work finds beside tokens: small, and merged in a fixed order.

The order fixes the last bits of means and the choices of sketches, so that a job gives
the same statistics however its work was spread.
"""

import base64
import dataclasses
import json
from collections.abc import Iterable

import pyarrow as pa

from shardline.components.features.analysis.numbers import (
    Moments,
    NumberMoments,
    TableQuantiles,
    boundaries,
)
from shardline.components.features.analysis.statistics import (
    FeatureStatistics,
    VocabularyStatistics,
)
from shardline.configs.schema import Preprocessing


@dataclasses.dataclass(frozen=True)
class Summary:
    """What is kept of a part of the examples.

    Attributes:
        examples: how many.
        moments: the moments by number.
        sketches: the sketches by table of quantile buckets, of parts of the values.
    """

    examples: int = 0
    moments: dict[str, Moments] = dataclasses.field(default_factory=dict)
    sketches: dict[str, list[bytes]] = dataclasses.field(default_factory=dict)

    def to_json(self) -> str:
        """Returns the summary as text."""
        return json.dumps(
            {
                "examples": self.examples,
                "moments": {n: dataclasses.astuple(m) for n, m in self.moments.items()},
                "sketches": {
                    table: [base64.b64encode(part).decode() for part in parts]
                    for table, parts in self.sketches.items()
                },
            }
        )


def summary_from_json(text: str | bytes) -> Summary:
    """Returns the summary that `to_json` wrote."""
    values = json.loads(text)
    return Summary(
        values["examples"],
        {name: Moments(*moments) for name, moments in values["moments"].items()},
        {
            table: [base64.b64decode(part) for part in parts]
            for table, parts in values["sketches"].items()
        },
    )


def merged(summaries: Iterable[Summary]) -> Summary:
    """Returns the summary of all parts, merged in the order given."""
    examples, moments, sketches = 0, dict[str, Moments](), dict[str, list[bytes]]()
    for summary in summaries:
        examples += summary.examples
        for name, some in summary.moments.items():
            moments[name] = moments.get(name, Moments()) + some
        for table, parts in summary.sketches.items():
            sketches.setdefault(table, []).extend(parts)
    return Summary(examples, moments, sketches)


def statistics_of(
    summary: Summary,
    vocabularies: dict[str, VocabularyStatistics],
    preprocessing: Preprocessing,
) -> FeatureStatistics:
    """Returns what preprocessing needs.

    Args:
        summary: the summary of all examples.
        vocabularies: the vocabularies by table.
        preprocessing: the features, numbers and tables to preprocess.
    """
    return FeatureStatistics(
        examples=summary.examples,
        vocabularies=vocabularies,
        numbers={
            name: summary.moments.get(name, Moments()).statistics
            for name in preprocessing.numbers
        },
        boundaries={
            table: boundaries(
                summary.sketches.get(table, []),
                preprocessing.ids_of(table).quantile_buckets or 1,
                preprocessing.dtype_of(table),
            )
            for table in preprocessing.vocabularies
            if preprocessing.ids_of(table).kind == "quantiles"
        },
    )


class Summarizer:
    """Makes the summary of a unit of work."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        """Starts with no example.

        Args:
            preprocessing: the features, numbers and tables to preprocess.
        """
        self._examples = 0
        self._numbers = NumberMoments(preprocessing)
        self._quantiles = TableQuantiles(preprocessing)

    def add(self, batch: pa.RecordBatch) -> None:
        """Adds a batch of raw columns."""
        self._examples += batch.num_rows
        self._numbers.add(batch)
        self._quantiles.add(batch)

    def drain(self) -> Summary:
        """Returns the summary, and starts anew."""
        examples, self._examples = self._examples, 0
        sketches = {t: [s] for t, s in self._quantiles.drain().items()}
        return Summary(examples, self._numbers.drain(), sketches)
