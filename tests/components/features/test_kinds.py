"""Every kind of id and number: written, read back, and served alike.

One specification holds all kinds. Its rows go through files of raw examples, the
analysis, the graph and files of transformed examples into the trainer's batches, and,
serialized, through the graph of the served model. What each kind must give is written
out below, or worked out in plain Python.
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

from components.analysis.in_process import analyze_batches
from components.features.graph_writer import write_transform_graph
from components.features.transform_graph import TransformGraph
from components.files import BadInput, Unit, read_unit, tfrecord_rules
from components.files.rules import pairs_of
from components.preprocess.loaded_graph import LoadedGraph
from components.preprocess.writing import TFRecordWriter
from components.trainer.inputs import Batch, BatchReader
from configs.columns import raw_columns
from configs.schema import Feature, FeatureSet, Ids, Number, Table, Target

_FOLDER = Path(__file__).parents[1]
example = load(_FOLDER / "files" / "conftest.py").example
batch_of = load(_FOLDER / "analysis" / "batches.py").batch_of

TARGET = Target(label="label", example_weight="importance")
NAN = float("nan")


class Kind(NamedTuple):
    """One kind of feature.

    Attributes:
        feature: but for the table, which has the feature's name.
        rows: what its column holds in each training row; None is a missing value.
        expected: the ids of each row; None leaves them to a test of their own.
        unseen: what its column may hold later; nothing but ids is promised of it.
        oov_rows: of its table.
    """

    feature: dict[str, Any]
    rows: list[Any]
    expected: list[Any] | None = None
    unseen: list[Any] | None = None
    oov_rows: int = 1


def hashed(token: str | int, buckets: int, salt: str = "") -> int:
    """Returns the bucket of a token."""
    return int(tf.strings.to_hash_bucket_fast([f"{salt}{token}"], buckets)[0])


WORDS = ["b", "é", "b", "a"]  # by count, then falling: b, é, a
BAGS = [["x", "y", "x"], [], ["x", "z"], ["y"]]  # x, y, z
BAG_IDS = [[0, 1, 0], [], [0, 2], [1]]
WHOLE = [7, -7, 7, 2**40]  # as text: 7, then -7 or 1099511627776, falling
FLOATS = [1.0, 2.0, 3.0, 4.0]

KINDS = {
    "word": Kind({}, WORDS, [0, 1, 0, 2], ["new", "", "a\nb", "b"], oov_rows=3),
    "whole": Kind({"dtype": "int64"}, WHOLE, [0, 2, 0, 1], [0, -1, 7, 2**62]),
    "word_or_none": Kind(
        {"default": "none"},
        ["b", None, "", "none"],
        [1, 0, 0, 0],
        [None, "new", "", "b"],
    ),
    "whole_or_5": Kind(
        {"dtype": "int64", "default": 5}, [3, None, 5, 5], [1, 0, 0, 0], [None, 0, 3, 5]
    ),
    "bag": Kind({"combiner": "sum"}, BAGS, BAG_IDS, [["q"], ["x", "q"], [], ["", "x"]]),
    "whole_bag": Kind(
        {"combiner": "mean", "dtype": "int64"},
        [[4, 4], [-9], [], [4, -9, 8]],
        [[0, 0], [2 - 1], [], [0, 1, 2]],
        [[0], [], [4, 3], [8]],
    ),
    "bag_or_none": Kind(
        {"combiner": "sqrtn", "default": "none"},
        BAGS,
        [[0, 1, 0], [3], [0, 2], [1]],
        [[], ["q"], ["none"], []],
    ),
    "weighted": Kind(
        {"combiner": "mean", "weights": "weighted_by"}, BAGS, BAG_IDS, BAGS[::-1]
    ),
    "weighted_hash": Kind(
        {
            "combiner": "sum",
            "weights": "weighted_hash_by",
            "ids": Ids(hash_buckets=50, salt="s"),
        },
        BAGS,
        [[hashed(t, 50, "s") for t in row] for row in BAGS],
        BAGS[::-1],
    ),
    "weighted_or_none": Kind(
        {"combiner": "mean", "weights": "weighted_or_none_by", "default": "none"},
        BAGS,
        [[0, 1, 0], [3], [0, 2], [1]],
        BAGS[::-1],
    ),
    "newest": Kind(
        {"max_sequence_length": 2}, BAGS, [[1, 0], [], [0, 2], [1]], [["q"] * 3] * 4
    ),
    "oldest": Kind(
        {"max_sequence_length": 2, "keep": "oldest"},
        BAGS,
        [[0, 1], [], [0, 2], [1]],
        [["q", "x", "x"]] * 4,
    ),
    "sequence_or_none": Kind(
        {"max_sequence_length": 2, "default": "none"},
        BAGS,
        [[1, 0], [3], [0, 2], [1]],
        [[]] * 4,
    ),
    "hash": Kind(
        {"ids": Ids(hash_buckets=100)},
        WORDS,
        [hashed(t, 100) for t in WORDS],
        ["new", "", "\n", "日本"],
    ),
    "salted": Kind(
        {"ids": Ids(hash_buckets=100, salt="7|")},
        WORDS,
        [hashed(t, 100, "7|") for t in WORDS],
        ["new", "", "\n", "日本"],
    ),
    "hash_of_whole": Kind(
        {"ids": Ids(hash_buckets=100), "dtype": "int64"},
        WHOLE,
        [hashed(t, 100) for t in WHOLE],
        [0, -1, 2**62, -(2**62)],
    ),
    "hash_bag": Kind(
        {"ids": Ids(hash_buckets=9), "combiner": "sum", "default": "none"},
        BAGS,
        [[hashed(t, 9) for t in row or ["none"]] for row in BAGS],
        [[], ["q"], [""], ["x"]],
    ),
    "range": Kind({"ids": Ids(range=5)}, [0, 4, 2, 2], [0, 4, 2, 2], [1, 1, 0, 4]),
    "range_bag": Kind(
        {"ids": Ids(range=5), "combiner": "sum", "default": 3},
        [[0, 4], [], [1], [2, 2]],
        [[0, 4], [3], [1], [2, 2]],
        [[], [4], [3], [0]],
    ),
    "range_or_rest": Kind(
        {"ids": Ids(range=5, out_of_range="oov_rows")},
        [4, 5, 6, -1],
        [4, 5 + 5 % 3, 5 + 6 % 3, 5 + -1 % 3],
        [2**62, -(2**62), 0, 7],
        oov_rows=3,
    ),
    "bucket": Kind(
        {"ids": Ids(quantile_buckets=4)}, FLOATS, None, [-1e30, 1e30, 2.5, 0.0]
    ),
    "bucket_or_half": Kind(
        {"ids": Ids(quantile_buckets=2), "default": 0.5},
        [None, NAN, 3.0, 4.0],
        [0, 0, 1, 1],
        [None, NAN, 9.0, 0.5],
    ),
    "bucket_bag": Kind(
        {"ids": Ids(quantile_buckets=2), "combiner": "sum"},
        [[1.0, 9.0], [], [8.0], [2.0]],
        [[0, 1], [], [1], [0]],
        [[], [0.0], [9.5, 1.0], [7.0]],
    ),
    "bucket_of_whole": Kind(
        {"ids": Ids(quantile_buckets=2), "dtype": "int64"},
        [1, 2**30, 2**31, 2**62],
        [0, 0, 1, 1],
        [-(2**40), 2**40, 5, 1],
    ),
    "one_bucket": Kind({"ids": Ids(quantile_buckets=1)}, FLOATS, [0] * 4, FLOATS),
    "pair": Kind(
        {"cross": ("word", "whole")},
        [f"{w}_X_{n}" for w, n in zip(WORDS, WHOLE, strict=True)],
        [0, 1, 0, 2],
    ),
    "pair_with_bag": Kind(
        {"cross": ("word", "bag"), "combiner": "mean"},
        [[f"{w}_X_{t}" for t in bag] for w, bag in zip(WORDS, BAGS, strict=True)],
    ),
    "pair_of_bags": Kind(
        {"cross": ("whole_bag", "bag"), "max_sequence_length": 3},
        [
            [f"{n}_X_{t}" for n in left for t in right]
            for left, right in zip([[4, 4], [-9], [], [4, -9, 8]], BAGS, strict=True)
        ],
    ),
    "hashed_pair": Kind(
        {"cross": ("bag", "word"), "combiner": "sum", "ids": Ids(hash_buckets=20)},
        [],
        [
            [hashed(f"{t}_X_{w}", 20) for t in bag]
            for w, bag in zip(WORDS, BAGS, strict=True)
        ],
    ),
}
WEIGHTS = [[0.5, 2.0, 1.0], [], [0.0, 3.0], [-1.5]]

SEEN = np.array([1.0, -3.0, 6.0])
MISSING: dict[str, Any] = {"error": "error", "mean": "mean", "minus_9": -9.0}
NUMBERS = {
    f"{scale}_{'log' if log else 'plain'}_{missing}_{dtype}": Number(
        column=f"{'sure' if missing == 'error' else 'maybe'}_{dtype}",
        dtype=dtype,
        log=log,
        scale=scale,
        missing=MISSING[missing],
    )
    for scale in ("none", "z_score", "min_max")
    for log in (False, True)
    for missing in MISSING
    for dtype in ("float", "int64")
} | {
    "z_constant": Number(column="same", scale="z_score"),
    "z_far": Number(column="far", scale="z_score"),
    "z_time": Number(column="time", scale="z_score", dtype="int64"),
    "unit_constant": Number(column="same", scale="min_max"),
}
NUMBER_ROWS: dict[str, list[Any]] = {
    "sure_float": [1.0, -3.0, 6.0, 6.0],
    "sure_int64": [1, -3, 6, 6],
    "maybe_float": [1.0, -3.0, 6.0, None],
    "maybe_int64": [1, -3, 6, None],
    "same": [4.0] * 4,
    # Differences that are lost if float32 holds the mean, or the values.
    "far": [1e6, 1e6 + 0.25, 1e6 + 0.5, 1e6 + 2],
    "time": [1_700_000_000 + n for n in (0, 7, 20, 21)],
}
FEATURES = FeatureSet(
    features={
        **{name: Feature(table=name, **kind.feature) for name, kind in KINDS.items()},
        "shared": Feature(table="word", column="other_word"),
    },
    numbers=NUMBERS,
    tables={name: Table(dim=1, oov_rows=kind.oov_rows) for name, kind in KINDS.items()},
)
COLUMNS = raw_columns(FEATURES, TARGET)


def rows_of(unseen: bool) -> list[dict[str, Any]]:
    """Returns the training rows, or rows of values that training has not seen."""
    columns = {
        "label": [1.0, 0.0, 1.0, 0.0],
        "importance": [1.0, 2.0, 0.5, 0.0],
        "other_word": ["b", "b", "é", "é"] if not unseen else ["new", "b", "", "a"],
        "weighted_by": WEIGHTS[::-1] if unseen else WEIGHTS,
        "weighted_hash_by": WEIGHTS[::-1] if unseen else WEIGHTS,
        "weighted_or_none_by": WEIGHTS[::-1] if unseen else WEIGHTS,
        **NUMBER_ROWS,
    }
    if unseen:
        columns |= {
            "sure_float": [1e30, -1e-30, 0.0, 2.0],
            "sure_int64": [2**60, 0, -1, 2],
            "maybe_float": [None, NAN, 0.5, -1e20],
            "maybe_int64": [None, 2**40, 0, -1],
            "same": [4.0, 5.0, -4.0, 0.0],
            "far": [0.0, 1e7, -1e6, 1.0],
            "time": [0, 1, 2**60, -1],
        }
    for name, kind in KINDS.items():
        if not kind.feature.get("cross"):
            columns[name] = (kind.unseen if unseen else kind.rows) or []
    assert set(columns) == set(COLUMNS)
    return [{name: values[n] for name, values in columns.items()} for n in range(4)]


def serialized(row: dict[str, Any]) -> bytes:
    """Serializes a row; half of its missing values have no key at all."""
    kept = {}
    for n, (name, value) in enumerate(sorted(row.items())):
        if value is None and n % 2:
            continue
        # An empty list has no type of its own, and None is written as no value.
        kept[name] = value
    return example(kept)


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
    settings = FEATURES.preprocessing(TARGET)
    rows = [[serialized(row) for row in rows_of(unseen)] for unseen in (False, True)]
    seen, unseen = (
        _read(folder / f"{n}.tfrecord", some) for n, some in enumerate(rows)
    )
    facts = analyze_batches([seen], settings, str(vocabularies))
    write_transform_graph(str(graph), settings, facts, str(vocabularies))
    loaded = LoadedGraph(str(graph))
    transformed = [loaded.transformed(batch) for batch in (seen, unseen)]
    writer = TFRecordWriter(str(folder / "examples"), loaded.encoding)
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
    rules = tfrecord_rules(COLUMNS, pairs_of(FEATURES, COLUMNS))
    ((_, batch),) = read_unit(Unit(str(path)), rules, BadInput())
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
    column = NUMBER_ROWS[number.column or ""]

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
