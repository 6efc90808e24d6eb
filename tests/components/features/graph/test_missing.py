"""A missing value is the same in files of every format, in training and in serving.

The same rows are read from CSV, Parquet and TFRecord through the transform graph, as
tf.Examples in each way to write no value through the graph of the served model and
through TensorFlow Transform's own layer, and as columns. All give what is written out.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from shardline_tests import load
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from shardline.components.features.analysis.in_process import analyze_batches
from shardline.components.features.graph.loaded_graph import LoadedGraph
from shardline.components.features.graph.transform_graph import TransformGraph
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.features.ids.tensor_tokens import MISSING
from shardline.components.readers.files import BadInput, BadInputError, Unit, read_unit
from shardline.components.readers.files.read_settings import ReadSettings

gaps = load(Path(__file__).with_name("rows_with_gaps.py"))

_written = load("components/readers/files/conftest.py")
batch_of = load("components/features/analysis/batches.py").batch_of

_LISTS = {"string": "bytes_list", "int64": "int64_list", "float": "float_list"}


def absent(example: tf.train.Example, name: str) -> None:
    """Writes no feature."""


def without_kind(example: tf.train.Example, name: str) -> None:
    """Writes a feature without a list."""
    example.features.feature[name].SetInParent()


def empty(example: tf.train.Example, name: str) -> None:
    """Writes a feature with an empty list."""
    getattr(
        example.features.feature[name], _LISTS[gaps.COLUMNS[name].dtype]
    ).SetInParent()


FORMS = {form.__name__: form for form in (absent, without_kind, empty)}
Form = Callable[[tf.train.Example, str], None]


def serialized(row: Mapping[str, Any], form: Form) -> bytes:
    """Returns a row as a tf.Example; what it has not is written in a form."""
    example = tf.train.Example()
    for name, column in gaps.COLUMNS.items():
        value = row.get(name)
        if value is None:
            form(example, name)
            continue
        values = value if isinstance(value, list) else [value]
        stored = [v.encode() if isinstance(v, str) else v for v in values]
        feature = example.features.feature[name]
        getattr(feature, _LISTS[column.dtype]).value.extend(stored)
    return example.SerializeToString()


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The transform graph of the rows."""
    folder = tmp_path_factory.mktemp("missing")
    preprocessing = gaps.FEATURES.preprocessing(gaps.TARGET)
    statistics = analyze_batches(
        [batch_of(gaps.COLUMNS, gaps.ROWS)], preprocessing, str(folder)
    )
    write_transform_graph(str(folder / "graph"), preprocessing, statistics, str(folder))
    return str(folder / "graph")


@pytest.fixture(scope="module")
def served(graph: str) -> TransformGraph:
    """The same, as a served model has it."""
    return TransformGraph(tft.TFTransformOutput(graph), gaps.FEATURES)


def listed(value: Any) -> list[Any]:
    return value.to_list() if hasattr(value, "to_list") else value.numpy().tolist()


def assert_expected(transformed: Mapping[str, Any]) -> None:
    found = {name: listed(transformed[name]) for name in gaps.EXPECTED}
    for name, rows in gaps.EXPECTED.items():
        if name in gaps.FEATURES.features:
            assert found[name] == rows, name
        else:
            np.testing.assert_allclose(found[name], rows, rtol=1e-6, err_msg=name)


def csv(path: Path) -> None:
    names = list(gaps.COLUMNS)
    path.write_bytes(_written.csv([{n: r.get(n) for n in names} for r in gaps.ROWS]))


def csv_with_nan(path: Path) -> None:
    rows = [{n: r.get(n) for n in gaps.COLUMNS} for r in gaps.ROWS]
    path.write_bytes(_written.csv([rows[0], rows[1] | {"x": "NaN"}, rows[2]]))


def parquet(path: Path) -> None:
    columns = {name: [row.get(name) for row in gaps.ROWS] for name in gaps.COLUMNS}
    pq.write_table(pa.table(columns), path)


def parquet_with_nan(path: Path) -> None:
    columns = {name: [row.get(name) for row in gaps.ROWS] for name in gaps.COLUMNS}
    columns["x"][1] = columns["level"][1] = float("nan")
    columns["word"][1] = ""
    pq.write_table(pa.table(columns), path)


def tfrecord_of(form: Form) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for row in gaps.ROWS:
                writer.write(serialized(row, form))

    return write


FILES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "csv": ("csv", csv),
    "csv_with_nan": ("csv", csv_with_nan),
    "parquet": ("parquet", parquet),
    "parquet_with_nan": ("parquet", parquet_with_nan),
    **{f"tfrecord_{n}": ("tfrecord", tfrecord_of(f)) for n, f in FORMS.items()},
}


def read(path: Path, form: str) -> pa.RecordBatch:
    settings = ReadSettings(form, gaps.COLUMNS, label="label")
    ((_, batch),) = read_unit(Unit(str(path)), settings, BadInput())
    return batch


@pytest.mark.parametrize("kind", FILES)
def test_files_of_every_format_are_trained_on_alike(
    graph: str, served: TransformGraph, tmp_path: Path, kind: str
) -> None:
    form, write = FILES[kind]
    write(tmp_path / "rows")
    batch = read(tmp_path / "rows", form)

    made = LoadedGraph(graph).transformed(batch)

    single = {n for n, f in gaps.FEATURES.features.items() if not f.is_ragged}
    rows = {name: made.column(name).to_pylist() for name in gaps.EXPECTED}
    for name in single | set(gaps.FEATURES.numbers):
        rows[name] = [value for row in rows[name] for value in row]
    assert_expected({n: tf.ragged.constant(r) for n, r in rows.items()})
    # As a run writes them for the Trainer's parity, the Evaluator and warm-up requests.
    examples = RecordBatchToExamplesEncoder().encode(batch)
    assert_expected(served(served.parse(tf.constant(examples))))


@pytest.mark.parametrize("kind", FILES)
def test_files_of_every_format_are_analysed_alike(tmp_path: Path, kind: str) -> None:
    form, write = FILES[kind]
    write(tmp_path / "rows")
    preprocessing = gaps.FEATURES.preprocessing(gaps.TARGET)

    statistics = analyze_batches(
        [read(tmp_path / "rows", form)], preprocessing, str(tmp_path)
    )

    assert statistics == analyze_batches(
        [batch_of(gaps.COLUMNS, gaps.ROWS)], preprocessing, str(tmp_path)
    )
    assert (
        statistics.numbers["mean"].missing == statistics.numbers["minus_1"].missing == 1
    )
    assert statistics.boundaries["time"] == [gaps.EARLY]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_served_examples_may_write_no_value_in_any_form(
    served: TransformGraph, form: Form
) -> None:
    examples = tf.constant([serialized(row, form) for row in gaps.ROWS])

    assert_expected(served(served.parse(examples)))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_examples_may_be_parsed_by_the_raw_feature_spec(graph: str, form: Form) -> None:
    output = tft.TFTransformOutput(graph)
    examples = [serialized(row, form) for row in gaps.ROWS]

    parsed = tf.io.parse_example(examples, output.raw_feature_spec())

    assert_expected(output.transform_features_layer()(parsed))


def test_columns_say_a_missing_value_by_what_stands_for_it(
    served: TransformGraph,
) -> None:
    given: dict[str, Any] = {}
    for name, column in served.columns.items():
        values = [row.get(name, MISSING[column.dtype]) for row in gaps.ROWS]
        if column.ragged:
            values = [row.get(name, []) for row in gaps.ROWS]
            given[name] = tf.ragged.constant(values, row_splits_dtype=tf.int64)
        else:
            dtype = {"string": tf.string, "int64": tf.int64, "float": tf.float32}
            given[name] = tf.constant(values, dtype[column.dtype])

    assert_expected(served(given))


@pytest.fixture(scope="module")
def refusal(served: TransformGraph) -> Callable[..., str]:
    """Returns in what words the graph refuses rows."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def answer(examples: tf.Tensor) -> dict[str, Any]:
        return served(served.parse(examples))

    def ask(*rows: Mapping[str, Any], form: Form = empty) -> str:
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            answer(tf.constant([serialized(row, form) for row in rows]))
        said = re.search(r"assertion failed: \[(.*)\]", caught.value.message)
        assert said
        return said[1].replace("] [", " ")

    return ask


@pytest.mark.parametrize("values", [0, 2])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("name", ["sure", "y"])
def test_other_than_one_value_where_one_must_be_is_refused(
    served: TransformGraph, name: str, form: Form, values: int
) -> None:
    wrong = gaps.ROWS[2] | {name: [gaps.ROWS[2][name]] * values or None}
    examples = [serialized(row, form) for row in (gaps.ROWS[0], wrong)]

    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=f"Key: {name}, Index: 1|Feature: {name} .* required",
    ):
        served.parse(tf.constant(examples))


@pytest.mark.parametrize("name", ["word", "whole", "level", "time", "x", "n"])
def test_several_values_where_one_may_be_are_refused_in_words(
    refusal: Callable[..., str], name: str
) -> None:
    assert refusal(gaps.ROWS[1], gaps.ROWS[0] | {name: [gaps.ROWS[0][name]] * 2}) == (
        f"Column `{name}` holds several values where {gaps.COLUMNS[name]} is expected: "
        "example 1 (the first is 0) has 2 of them. Write one, or give the feature "
        "`combiner` or `max_sequence_length`."
    )


@pytest.mark.parametrize(
    ("ids", "weights"), [(["a"], []), ([], [1.0]), (["a"], [1.0, 2.0])]
)
def test_weights_of_another_number_than_ids_are_refused_before_a_default_fills_them(
    refusal: Callable[..., str], ids: list[str], weights: list[float]
) -> None:
    assert refusal(gaps.ROWS[0], gaps.ROWS[2] | {"bag": ids, "pounds": weights}) == (
        "Column `pounds` has not one weight for each id in column `bag`: example 1 "
        f"(the first is 0) has {len(weights)} weights for {len(ids)} ids. Write as "
        "many weights as ids."
    )


@pytest.mark.parametrize("kind", ["csv", "parquet", "tfrecord_empty"])
def test_missing_label_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    form, write = FILES[kind]
    monkeypatch.setitem(gaps.ROWS[1], "label", None)
    write(tmp_path / "rows")

    with pytest.raises(BadInputError, match="column `label` has no value"):
        read(tmp_path / "rows", form)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "x",
            float("inf"),
            "Column `x` must hold finite numbers as float32, or NaN for a missing one; "
            "got inf",
        ),
        (
            "level",
            -float("inf"),
            "Column `level` must hold finite numbers as float32, or NaN for a missing "
            "one; got -inf",
        ),
        ("y", float("nan"), "Column `y` must hold finite numbers as float32; got nan"),
        ("y", float("inf"), "Column `y` must hold finite numbers as float32; got inf"),
    ],
)
def test_numbers_that_files_may_not_hold_are_refused_in_serving(
    refusal: Callable[..., str], name: str, value: float, message: str
) -> None:
    assert refusal(gaps.ROWS[0], gaps.ROWS[2] | {name: value}) == message


def test_no_examples_give_no_rows(served: TransformGraph) -> None:
    made = served(served.parse(tf.constant([], tf.string)))

    assert all(value.shape[0] == 0 for value in made.values())
