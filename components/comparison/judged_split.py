"""The examples that models are judged on: labels, groups, slices and unknown tokens."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from tfx_bsl.coders import example_coder

from shardline.components.comparison.vocabularies import Tokens
from shardline.components.evaluation.bootstrap import Examples
from shardline.components.features.graph.schema import example_schema
from shardline.components.features.ids.arrow_tokens import (
    Ragged,
    column_of,
    feature_tokens,
    text,
)
from shardline.configs.columns import raw_columns
from shardline.configs.schema import Evaluation, Feature, FeatureSet, Target
from shardline.configs.shown import shown

# Arrow looks at a whole vocabulary for each batch, however small.
_AT_ONCE = 65_536
_MOST_SLICES = 50


@dataclasses.dataclass(frozen=True)
class Membership:
    """Which lookups of a feature are of a set of tokens.

    Attributes:
        lookups: how many there are.
        inside: how many are of the set.
        any_inside: the examples that have such a one, bool [examples].
        any_outside: the examples that have another one, bool [examples].
    """

    lookups: int
    inside: int
    any_inside: np.ndarray
    any_outside: np.ndarray


@dataclasses.dataclass(frozen=True)
class JudgedSplit:
    """The examples.

    Attributes:
        files: where they lie, gzipped TFRecords, in their order.
        examples: labels, weights and groups.
        slices: by name, such as "gender: F", the examples in it, bool [examples].
        members: by set of tokens, then by feature.
    """

    files: tuple[str, ...]
    examples: Examples
    slices: Mapping[str, np.ndarray]
    members: Mapping[str, Mapping[str, Membership]]


def read_judged_split(
    files: Sequence[str],
    feature_set: FeatureSet,
    target: Target,
    evaluation: Evaluation,
    token_sets: Mapping[str, Tokens],
) -> JudgedSplit:
    """Reads what is judged on, once.

    Args:
        files: gzipped TFRecords of raw examples.
        feature_set: the id features, numbers and tables.
        target: label and example weight.
        evaluation: what to group and slice by.
        token_sets: sets of tokens by name, and what each holds by table. Features of
            columns that `derived` makes are left out: raw examples have no such column.

    Raises:
        ValueError: if a column to group or slice by is not in the examples, or groups
            are not told by one value.
    """
    reader = _Reader(feature_set, target, evaluation)
    labels: list[np.ndarray] = [np.empty(0)]
    weights: list[np.ndarray] = [np.empty(0)]
    given: dict[str, list[Ragged]] = {name: [] for name in reader.others}
    tallies = {
        (name, feature): _Tally(tokens[reader.features[feature].table])
        for name, tokens in token_sets.items()
        for feature in reader.features
        if reader.features[feature].table in tokens
    }
    for batch in reader.batches(files):
        labels.append(numbers_of(batch.columns, target.label))
        weight = target.example_weight
        ones = np.ones(batch.columns.num_rows)
        weights.append(numbers_of(batch.columns, weight) if weight else ones)
        for name in given:
            given[name].append(batch.texts(name))
        for feature, settings in reader.features.items():
            tokens = feature_tokens(feature, settings, batch.columns)
            texts = Ragged(text(tokens.values), tokens.lengths)
            for (_, of), tally in tallies.items():
                if of == feature:
                    tally.add(texts)
    columns = {name: joined_column(name, parts) for name, parts in given.items()}
    group_by = evaluation.group_by
    examples = Examples(
        np.concatenate(labels),
        np.concatenate(weights),
        groups_of(group_by, columns[group_by]) if group_by else None,
        group_by or "",
    )
    members: dict[str, dict[str, Membership]] = {name: {} for name in token_sets}
    for (name, feature), tally in tallies.items():
        members[name][feature] = tally.result()
    slices: dict[str, np.ndarray] = {}
    for name in evaluation.slices:
        slices |= slices_of(name, columns[name])
    return JudgedSplit(tuple(files), examples, slices, members)


@dataclasses.dataclass(frozen=True)
class _Batch:
    """Examples: columns that models read, and all columns as they came."""

    columns: pa.RecordBatch
    raw: pa.RecordBatch

    def texts(self, name: str) -> Ragged:
        """Returns a column as text; one that no example of the batch has is empty."""
        if self.raw.schema.get_field_index(name) < 0:
            none = pa.array([], pa.large_binary())
            return Ragged(none, np.zeros(self.raw.num_rows, np.int64))
        return as_text(column_of(self.raw, name))


class _Reader:
    """Decodes examples, by what the configuration says of their columns."""

    def __init__(
        self, feature_set: FeatureSet, target: Target, evaluation: Evaluation
    ) -> None:
        derived = feature_set.derived.outputs if feature_set.derived else {}
        self.features: dict[str, Feature] = {
            name: feature
            for name, feature in feature_set.features.items()
            if feature_set.ids_of(feature.table).kind == "vocabulary"
            and not derived.keys() & {feature.column or name, *(feature.cross or ())}
        }
        self.others = {*evaluation.slices}
        if evaluation.group_by:
            self.others.add(evaluation.group_by)
        schema = example_schema(raw_columns(feature_set, target))
        self._decoder = example_coder.ExamplesToRecordBatchDecoder(
            schema.SerializeToString()
        )
        self._raw_decoder = example_coder.ExamplesToRecordBatchDecoder()

    def batches(self, files: Sequence[str]) -> Iterator[_Batch]:
        dataset = tf.data.TFRecordDataset(list(files), "GZIP").batch(_AT_ONCE)
        for serialized in dataset.prefetch(1).as_numpy_iterator():
            examples = serialized.tolist()
            columns = self._decoder.DecodeBatch(examples)
            raw = self._raw_decoder.DecodeBatch(examples) if self.others else columns
            yield _Batch(columns, raw)


class _Tally:
    """Which lookups of a feature are of a set of tokens, so far."""

    def __init__(self, tokens: pa.Array):
        self._tokens = tokens
        self._lookups = self._inside = 0
        self._any: list[np.ndarray] = [np.empty((2, 0), bool)]

    def add(self, texts: Ragged) -> None:
        inside = pc.is_in(texts.values, value_set=self._tokens)
        flags = inside.to_numpy(zero_copy_only=False)
        self._lookups += len(flags)
        self._inside += int(np.count_nonzero(flags))
        size = len(texts.lengths)
        rows = np.repeat(np.arange(size), texts.lengths)
        found = [np.bincount(rows, kind, size) > 0 for kind in (flags, ~flags)]
        self._any.append(np.stack(found))

    def result(self) -> Membership:
        return Membership(
            self._lookups, self._inside, *np.concatenate(self._any, axis=1)
        )


def as_text(column: Ragged) -> Ragged:
    """Returns the values of a column as text, as groups and slices are told by."""
    values = column.values
    if not pa.types.is_large_binary(values.type):
        values = values.cast(pa.large_string()).cast(pa.large_binary())
    return Ragged(values, column.lengths)


def numbers_of(batch: pa.RecordBatch, name: str) -> np.ndarray:
    """Returns a column of one number in each example.

    Raises:
        ValueError: if an example has none, or several.
    """
    values, lengths = column_of(batch, name)
    if not (lengths == 1).all():
        raise ValueError(
            f"Column `{shown(name)}` of the examples to judge on must hold one number "
            f"each; one holds {lengths[lengths != 1][0]}. Correct the data, or leave "
            "such examples out."
        )
    numbers: np.ndarray = values.to_numpy().astype(np.float64)
    return numbers


def joined_column(name: str, parts: Sequence[Ragged]) -> Ragged:
    """Returns the column of all batches.

    Args:
        name: the column.
        parts: its values in each batch, as text.

    Raises:
        ValueError: if no example has a value.
    """
    none = pa.array([], pa.large_binary())
    values = pa.concat_arrays([none, *(part.values for part in parts)])
    lengths = [np.zeros(0, np.int64), *(part.lengths for part in parts)]
    if parts and not len(values):
        raise ValueError(
            f"Column `{shown(name)}`, which `evaluation` groups or slices by, has no "
            "value in the examples to judge on. Name a column that the reader gives."
        )
    return Ragged(values, np.concatenate(lengths))


def groups_of(name: str, column: Ragged) -> np.ndarray:
    """Returns the number of each example's group; those without a value are one.

    Args:
        name: the column.
        column: its values, as text.

    Raises:
        ValueError: if an example has several values.
    """
    values, lengths = column
    if lengths.max(initial=0) > 1:
        raise ValueError(
            f"Column `{shown(name)}` (evaluation.group_by) has {lengths.max()} values "
            "in an example. Group by a column that has one."
        )
    encoded = values.dictionary_encode()
    groups = np.full(len(lengths), len(encoded.dictionary), np.int64)
    groups[lengths == 1] = encoded.indices.to_numpy()
    return groups


def slices_of(name: str, column: Ragged) -> dict[str, np.ndarray]:
    """Returns the examples of each of the most frequent values: bool [examples].

    Args:
        name: the column.
        column: its values, as text.
    """
    encoded = column.values.dictionary_encode()
    rows = np.repeat(np.arange(len(column.lengths)), column.lengths)
    codes = encoded.indices.to_numpy().astype(np.int64)
    counts = np.bincount(codes, minlength=len(encoded.dictionary))
    frequent = np.argsort(-counts, kind="stable")[:_MOST_SLICES]
    found = {}
    for code in frequent.tolist():
        is_in = np.zeros(len(column.lengths), bool)
        is_in[rows[codes == code]] = True
        value = encoded.dictionary[code].as_py()
        found[f"{shown(name)}: {shown(value)}"] = is_in
    return found
