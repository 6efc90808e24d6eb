"""What one unit of work finds beside tokens: small, and merged in a fixed order.

The order fixes the last bits of means and the choices of sketches, so that a job gives
the same facts however its work was spread.
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
from shardline.components.features.analysis.results import Facts, VocabularyFacts
from shardline.configs.schema import Preprocessing


@dataclasses.dataclass(frozen=True)
class Summary:
    """Of a part of the examples.

    Attributes:
        examples: how many.
        moments: by number.
        sketches: by table of quantile buckets, of parts of the values.
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


def facts_of(
    summary: Summary, vocabularies: dict[str, VocabularyFacts], settings: Preprocessing
) -> Facts:
    """Returns what preprocessing needs.

    Args:
        summary: of all examples.
        vocabularies: by table.
        settings: the specification.
    """
    return Facts(
        examples=summary.examples,
        vocabularies=vocabularies,
        numbers={
            name: summary.moments.get(name, Moments()).facts
            for name in settings.numbers
        },
        boundaries={
            table: boundaries(
                summary.sketches.get(table, []),
                settings.ids_of(table).quantile_buckets or 1,
                settings.dtype_of(table),
            )
            for table in settings.vocabularies
            if settings.ids_of(table).kind == "quantiles"
        },
    )


class Summarizer:
    """Makes the summary of a unit of work."""

    def __init__(self, settings: Preprocessing) -> None:
        """Starts with no example.

        Args:
            settings: the specification.
        """
        self._examples = 0
        self._numbers = NumberMoments(settings)
        self._quantiles = TableQuantiles(settings)

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
