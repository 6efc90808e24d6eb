"""What the analysis of the training examples found: all that preprocessing needs."""

import os

import tensorflow as tf
from pydantic import Field

from shardline.components.contracts.living_vocabulary import TableChanges
from shardline.configs.schema import Section

_FILE = "facts.json"


class NumberStatistics(Section):
    """A number's values in the training examples, the logarithm taken if asked for.

    Attributes:
        count: values that are there and no NaN.
        missing: examples without one, or with NaN.
        mean: the mean of the values.
        variance: the variance of the values, as of a population.
        minimum: the smallest value.
        maximum: the largest value.
    """

    count: int
    missing: int
    mean: float
    variance: float
    minimum: float
    maximum: float


class VocabularyStatistics(Section):
    """A table's tokens in the training examples; in the new spans if it lives.

    Attributes:
        size: tokens in the vocabulary; rows for them if it lives.
        distinct: tokens that occur at all.
        tokens: occurrences of all tokens.
        covered: occurrences of tokens in the vocabulary.
        unusable: distinct tokens that are empty or hold a line break, which a text
            file of tokens cannot name; if it lives, or begin as a free row's line.
    """

    size: int
    distinct: int
    tokens: int
    covered: int
    unusable: int


class FeatureStatistics(Section):
    """What is known of the training examples.

    Attributes:
        examples: how many there are.
        vocabularies: the vocabularies by table.
        numbers: the statistics of each number, by its name.
        boundaries: by table of quantile buckets, where one bucket ends; of int64 if the
            table's tokens are.
        living: what became of each vocabulary that lives.
    """

    examples: int
    vocabularies: dict[str, VocabularyStatistics] = Field(default_factory=dict)
    numbers: dict[str, NumberStatistics] = Field(default_factory=dict)
    boundaries: dict[str, list[int] | list[float]] = Field(default_factory=dict)
    living: dict[str, TableChanges] = Field(default_factory=dict)

    def save(self, folder: str) -> None:
        """Writes the statistics beside a transform graph."""
        with tf.io.gfile.GFile(os.path.join(folder, _FILE), "w") as file:
            file.write(self.model_dump_json(indent=2))


def load_statistics(folder: str) -> FeatureStatistics | None:
    """Reads the statistics beside a transform graph.

    Args:
        folder: that of the graph.

    Returns:
        None if the graph was made by something else, and has none.
    """
    path = os.path.join(folder, _FILE)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        return FeatureStatistics.model_validate_json(file.read())
