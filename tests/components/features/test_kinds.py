"""Every kind of id and number: written, read back, and served alike.

The rows of `kinds.py` go through files of raw examples, the analysis, the graph and
files of transformed examples into the trainer's batches, and, serialized, through the
graph of the served model.
"""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from shardline_tests import load

from shardline.components.features.analysis.in_process import analyze_batches
from shardline.components.features.graph.loaded_graph import LoadedGraph
from shardline.components.features.graph.transform_graph import TransformGraph
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.features.writing.example_files import TFRecordWriter
from shardline.components.readers.files import (
    BadInput,
    Unit,
    read_unit,
    tfrecord_settings,
)
from shardline.components.readers.files.read_settings import pairs_of
from shardline.components.trainer.inputs import Batch, BatchReader
from shardline.configs.schema import Number

batch_of = load("components/features/analysis/batches.py").batch_of
kinds = load(Path(__file__).with_name("kinds.py"))
FEATURES, KINDS, NUMBERS = kinds.FEATURES, kinds.KINDS, kinds.NUMBERS
COLUMNS, TARGET, WEIGHTS = kinds.COLUMNS, kinds.TARGET, kinds.WEIGHTS
rows_of, serialized = kinds.rows_of, kinds.serialized


class Written(NamedTuple):
    """All kinds, preprocessed.

    Attributes:
        graph: folder of the transform graph.
        batch: the training rows, as the trainer reads them.
        rows: training rows, then rows of unseen values.
        transformed: what the job makes of these rows, by column, as lists.
        vocabularies: folder of the files of tokens.
    """

    graph: Path
    batch: Batch
    rows: list[bytes]
    transformed: dict[str, list[Any]]
    vocabularies: Path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Raw files of examples to the trainer's batches, without Beam."""
    folder = tmp_path_factory.mktemp("kinds")
    vocabularies, graph = folder / "vocabularies", folder / "graph"
    vocabularies.mkdir()
    preprocessing = FEATURES.preprocessing(TARGET)
    rows = [[serialized(row) for row in rows_of(unseen)] for unseen in (False, True)]
    seen, unseen = (
        _read(folder / f"{n}.tfrecord", some) for n, some in enumerate(rows)
    )
    statistics = analyze_batches([seen], preprocessing, str(vocabularies))
    write_transform_graph(str(graph), preprocessing, statistics, str(vocabularies))
    loaded = LoadedGraph(str(graph))
    transformed = [loaded.transformed(batch) for batch in (seen, unseen)]
    writer = TFRecordWriter(str(folder / "examples"), loaded.new_encoding())
    writer.write(transformed[0])
    writer.finish()
    spec = tft.TFTransformOutput(str(graph)).transformed_feature_spec()
    reader = BatchReader(spec, FEATURES, TARGET, batch_size=4)
    (batch,) = reader.evaluation_batches([str(folder / "examples.gz")])
    columns = {
        name: [row for some in transformed for row in some.column(name).to_pylist()]
        for name in transformed[0].schema.names
    }
    return Written(graph, batch, [*rows[0], *rows[1]], columns, vocabularies)


def _read(path: Path, rows: list[bytes]) -> pa.RecordBatch:
    with tf.io.TFRecordWriter(str(path)) as file:
        for row in rows:
            file.write(row)
    settings = tfrecord_settings(COLUMNS, pairs_of(FEATURES, COLUMNS))
    ((_, batch),) = read_unit(Unit(str(path)), settings, BadInput())
    return batch


def by_vocabulary(rows: list[Any]) -> list[Any]:
    """Returns the ids of training rows, all of whose tokens are in the vocabulary."""
    is_ragged = isinstance(rows[0], list)
    counts = Counter(t for row in rows for t in (row if is_ragged else [row]))
    order = sorted(counts, key=lambda t: (counts[t], t.encode()), reverse=True)
    if not is_ragged:
        return [order.index(row) for row in rows]
    return [[order.index(token) for token in row] for row in rows]


def listed(value: Any) -> list[Any]:
    """Returns a tensor of any kind as lists."""
    if isinstance(value, tf.SparseTensor):
        value = tf.RaggedTensor.from_sparse(value)
    return value.to_list() if hasattr(value, "to_list") else value.numpy().tolist()


@pytest.mark.parametrize("name", KINDS)
def test_trainer_reads_the_ids_that_a_kind_promises(
    written: Written, name: str
) -> None:
    expected = KINDS[name].expected
    if name == "bucket":
        # How many are in each bucket is promised, not where exactly it ends.
        ids = listed(written.batch.ids[name])
        assert ids == sorted(ids)
        assert {0, 3} <= set(ids) <= {0, 1, 2, 3}
        return
    if expected is None:
        expected = by_vocabulary(KINDS[name].rows)
        if length := FEATURES.features[name].max_sequence_length:
            expected = [row[-length:] for row in expected]

    assert listed(written.batch.ids[name]) == expected


@pytest.mark.parametrize("name", FEATURES.features)
def test_trainer_reads_the_tensor_of_a_shape(written: Written, name: str) -> None:
    feature, ids = FEATURES.features[name], written.batch.ids[name]

    assert ids.dtype == tf.int64
    assert isinstance(ids, tf.SparseTensor) == (feature.weights is not None)
    is_ragged = feature.is_ragged and not feature.weights
    assert isinstance(ids, tf.RaggedTensor) == is_ragged
    assert ids.shape[0] == 4


@pytest.mark.parametrize("name", ["weighted", "weighted_hash"])
def test_trainer_reads_one_weight_for_each_id(written: Written, name: str) -> None:
    ids, weights = written.batch.ids[name], written.batch.weights[name]

    assert listed(weights) == WEIGHTS
    _assert_aligned(ids, weights)


def test_default_has_weight_1(written: Written) -> None:
    name = "weighted_or_none"
    ids, weights = written.batch.ids[name], written.batch.weights[name]

    assert listed(weights) == [WEIGHTS[0], [1.0], *WEIGHTS[2:]]
    _assert_aligned(ids, weights)


def _assert_aligned(ids: tf.SparseTensor, weights: tf.SparseTensor) -> None:
    assert ids.indices.numpy().tolist() == weights.indices.numpy().tolist()


def test_features_of_a_table_share_its_ids(written: Written) -> None:
    # b 4 times, é 3 times, a once, over both columns.
    assert listed(written.batch.ids["shared"]) == [0, 0, 1, 1]


def test_label_and_example_weight_come_through(written: Written) -> None:
    assert listed(written.batch.labels) == [1, 0, 1, 0]
    assert listed(written.batch.example_weights) == [1, 2, 0.5, 0]


@pytest.mark.parametrize("name", NUMBERS)
def test_trainer_reads_the_numbers_that_a_rule_promises(
    written: Written, name: str
) -> None:
    expected = expected_numbers(NUMBERS[name])

    found = written.batch.numbers[name].numpy()

    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


def expected_numbers(number: Number) -> np.ndarray:
    """Works a number out in plain Python, in float64."""
    column = kinds.NUMBER_ROWS[number.column or ""]

    def logged(value: float) -> float:
        return float(np.sign(value) * np.log(1 + abs(value))) if number.log else value

    seen = np.array([logged(value) for value in column if value is not None])
    fill = seen.mean()
    if isinstance(number.missing, float):
        fill = logged(number.missing)
    values = np.array([fill if v is None else logged(v) for v in column])
    if number.scale == "z_score":
        return (values - seen.mean()) / (seen.std() or 1)
    if number.scale == "min_max":
        return (values - seen.min()) / (np.ptp(seen) or 1)
    return values


@pytest.mark.parametrize("is_saved", [False, True], ids=["graph", "saved_model"])
def test_served_ids_and_numbers_are_the_trained_ones_bit_by_bit(
    written: Written, tmp_path: Path, is_saved: bool
) -> None:
    graph_folder = tmp_path / "graph"
    shutil.copytree(written.graph, graph_folder)
    serve = _served(graph_folder)
    if is_saved:
        tf.saved_model.save(serve, str(tmp_path / "served"))
        # A published model stands for itself: what it was made of is gone.
        shutil.rmtree(graph_folder)
        serve = tf.saved_model.load(str(tmp_path / "served"))

    answers = serve.transform(tf.constant(written.rows))

    expected = {*FEATURES.features, *NUMBERS}
    expected |= {f"{n}.weights" for n, f in FEATURES.features.items() if f.weights}
    assert set(answers) == expected
    for name, answer in answers.items():
        trained = written.transformed[name]
        served = listed(answer)
        if not isinstance(answer, tf.RaggedTensor):
            served = [[value] for value in served]
        assert served == trained, name


def _served(graph: Path) -> tf.Module:
    """Returns a module that holds a transform graph as a served model does."""
    module = tf.Module()
    module.graph = TransformGraph(tft.TFTransformOutput(str(graph)), FEATURES)

    def transform(requests: tf.Tensor) -> dict[str, Any]:
        return module.graph(module.graph.parse(requests))

    signature = tf.TensorSpec([None], tf.string)
    module.transform = tf.function(transform, input_signature=[signature])
    return module


def test_vocabularies_are_no_more_needed_where_they_were_counted(
    written: Written,
) -> None:
    shutil.rmtree(written.vocabularies)

    graph = LoadedGraph(str(written.graph))

    batch = batch_of(COLUMNS, rows_of(unseen=False))
    assert graph.transformed(batch).column("word").to_pylist() == [[0], [1], [0], [2]]


@pytest.mark.parametrize(("name", "wrong"), [("range", 5), ("range", -1)])
def test_id_out_of_range_is_told_by_the_job(
    written: Written, name: str, wrong: int
) -> None:
    graph = LoadedGraph(str(written.graph))
    rows = rows_of(unseen=False)
    rows[2] = rows[2] | {name: wrong}

    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=f"Feature `{name}`: an id is not in 0 to 4. Mend the data, widen `range`",
    ):
        graph.transformed(batch_of(COLUMNS, rows))


@pytest.mark.parametrize(("name", "wrong"), [("range", 5), ("range_bag", [0, 5])])
def test_id_out_of_range_is_told_by_the_served_graph(
    written: Written, name: str, wrong: Any
) -> None:
    graph = TransformGraph(tft.TFTransformOutput(str(written.graph)), FEATURES)
    rows = [row | {name: wrong} for row in rows_of(unseen=False)]
    requests = tf.constant([serialized(row) for row in rows])

    with pytest.raises(
        tf.errors.InvalidArgumentError, match=f"Feature `{name}`: an id is not in 0 to"
    ):
        graph(graph.parse(requests))
