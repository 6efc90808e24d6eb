"""Vocabularies, ids, scales and buckets are those of stock TensorFlow Transform."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from shardline_tests import load
from tfx_bsl.tfxio import tensor_adapter, tensor_representation_util

from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.features.analysis.in_process import analyze_batches
from shardline.components.features.graph.loaded_graph import LoadedGraph
from shardline.components.features.graph.schema import example_schema
from shardline.components.features.graph.writer import RawAdapter, write_transform_graph
from shardline.configs.columns import raw_columns
from shardline.configs.schema import Feature, FeatureSet, Ids, Number, Table, Target

batch_of = load(Path(__file__).with_name("batches.py")).batch_of

TARGET = Target(label="label")
# By table: what it is named in Transform's words.
VOCABULARIES: dict[str, dict[str, Any]] = {
    "words": {"num_oov_buckets": 1},
    "words_over_3_rows": {"num_oov_buckets": 3},
    "at_least_2": {"num_oov_buckets": 2, "frequency_threshold": 2},
    "at_most_3": {"num_oov_buckets": 2, "top_k": 3},
    "numbers": {"num_oov_buckets": 2},
    "both": {"num_oov_buckets": 2},
    "nothing": {"num_oov_buckets": 2},
    "rare_only": {"num_oov_buckets": 1, "frequency_threshold": 1000},
}
FEATURES = FeatureSet(
    features={
        "words": Feature(table="words", column="word"),
        "words_over_3_rows": Feature(table="words_over_3_rows", column="word"),
        "at_least_2": Feature(table="at_least_2", column="word"),
        "at_most_3": Feature(table="at_most_3", column="word"),
        "numbers": Feature(table="numbers", column="number", dtype="int64"),
        "single": Feature(table="both", column="word"),
        "bag": Feature(table="both", combiner="sum"),
        "nothing": Feature(table="nothing", column="empty"),
        "rare_only": Feature(table="rare_only", column="word"),
        "hashed": Feature(table="hashed", column="word", ids=Ids(hash_buckets=7)),
        "hashed_bag": Feature(
            table="hashed_bag", column="bag", combiner="sum", ids=Ids(hash_buckets=5)
        ),
        "buckets": Feature(table="buckets", column="x", ids=Ids(quantile_buckets=4)),
        "few_values": Feature(
            table="few_values", column="step", ids=Ids(quantile_buckets=5)
        ),
    },
    numbers={
        "z": Number(column="x", scale="z_score"),
        "z_whole": Number(column="number", dtype="int64", scale="z_score"),
        "z_constant": Number(column="constant", scale="z_score"),
        "unit": Number(column="x", scale="min_max"),
        "unit_whole": Number(column="number", dtype="int64", scale="min_max"),
    },
    tables={
        **{
            name: Table(
                dim=1,
                oov_rows=rules["num_oov_buckets"],
                min_count=rules.get("frequency_threshold", 1),
                max_tokens=rules.get("top_k"),
            )
            for name, rules in VOCABULARIES.items()
        },
        **{t: Table(dim=1) for t in ("hashed", "hashed_bag", "buckets", "few_values")},
    },
)
WORDS = [
    "b",
    "a",
    "B",
    "",
    "a\nb",
    "a\rb",
    "é",
    "日本",
    " a",
    "a ",
    "a\tb",
    "\x00",
    "😀",
]


def _rows(count: int) -> list[dict[str, Any]]:
    """Returns rows with ties, as many of each rare word as of the next one."""
    random = np.random.default_rng(5)
    words = [*WORDS, *(f"w{n}" for n in range(20))]
    return [
        {
            "label": 0.0,
            "word": words[n if n < len(words) else int(random.integers(n)) % 29],
            "number": int(random.integers(-9, 9)) * 10**12,
            "bag": [
                words[i] for i in random.integers(len(words), size=random.integers(4))
            ],
            "empty": "",
            "x": float(random.normal(3, 10)),
            "constant": 2.5,
            "step": float(random.integers(3)),
        }
        for n in range(count)
    ]


class Both(NamedTuple):
    """The same rows, analysed by both.

    Attributes:
        stock: folder of the transform graph of stock TensorFlow Transform.
        vocabularies: folder of our vocabularies.
        stock_outputs: what the stock graph makes of rows, unseen ones among them.
        outputs: what ours makes of them.
    """

    stock: str
    vocabularies: Path
    stock_outputs: dict[str, Any]
    outputs: dict[str, Any]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """The same 400 rows, analysed by stock TensorFlow Transform and by ours."""
    folder = tmp_path_factory.mktemp("both")
    preprocessing = FEATURES.preprocessing(TARGET)
    columns = raw_columns(FEATURES, TARGET)
    rows = _rows(400)
    seen = [batch_of(columns, some) for some in (rows[:150], rows[150:])]
    unseen = [row | {"word": f"new{n}", "number": n} for n, row in enumerate(rows[:40])]
    asked = batch_of(columns, [*rows, *unseen])

    stock, graph = str(folder / "stock"), str(folder / "graph")
    schema = example_schema(columns)
    _analyse_by_stock(seen, schema, stock)
    # In another order than stock TensorFlow Transform has them.
    statistics = analyze_batches(seen[::-1], preprocessing, str(folder))
    write_transform_graph(graph, preprocessing, statistics, str(folder))

    tensors = RawAdapter(schema).tensors(asked)
    layer = tft.TFTransformOutput(stock).transform_features_layer()
    theirs = {name: _listed(value) for name, value in layer(tensors).items()}
    ours = LoadedGraph(graph).transformed(asked).to_pydict()
    return Both(stock, folder, theirs, {n: _flat(n, v) for n, v in ours.items()})


def _analyse_by_stock(batches: list[pa.RecordBatch], schema: Any, folder: str) -> None:
    representations = tensor_representation_util.GetTensorRepresentationsFromSchema(
        schema
    )
    config = tensor_adapter.TensorAdapterConfig(batches[0].schema, representations)
    with (
        in_memory_pipeline() as pipeline,
        tft_beam.Context(temp_dir=f"{folder}-temporary"),
    ):
        read = pipeline | beam.Create(batches)
        analysed = (read, config) | tft_beam.AnalyzeDataset(_stock)
        _ = analysed | tft_beam.WriteTransformFn(folder)


def _stock(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Says the same as the specification, in Transform's words."""
    outputs: dict[str, Any] = {}
    for table, rules in VOCABULARIES.items():
        rules = dict(rules)
        oov_rows = rules.pop("num_oov_buckets")
        users = {
            name: columns[feature.column or name]
            for name, feature in FEATURES.features_of(table).items()
        }
        tokens = [v.values if hasattr(v, "values") else v for v in users.values()]
        file = tft.vocabulary(tf.concat(tokens, 0), vocab_filename=table, **rules)
        for name, values in users.items():
            outputs[name] = tft.apply_vocabulary(values, file, num_oov_buckets=oov_rows)
    bag = columns["bag"]
    return {
        **outputs,
        "hashed": tft.hash_strings(columns["word"], 7),
        "hashed_bag": bag.with_values(tft.hash_strings(bag.values, 5)),
        "buckets": tft.bucketize(columns["x"], 4),
        "few_values": tft.bucketize(columns["step"], 5),
        "z": tft.scale_to_z_score(columns["x"]),
        "z_whole": tft.scale_to_z_score(columns["number"]),
        "z_constant": tft.scale_to_z_score(columns["constant"]),
        "unit": tft.scale_to_0_1(columns["x"]),
        "unit_whole": tft.scale_to_0_1(columns["number"]),
    }


def _listed(value: Any) -> list[Any]:
    return value.to_list() if hasattr(value, "to_list") else value.numpy().tolist()


def _flat(name: str, rows: list[list[Any]]) -> list[Any]:
    """Takes the one value of a row out of its list."""
    is_ragged = name in FEATURES.features and FEATURES.features[name].is_ragged
    return rows if is_ragged else [value for row in rows for value in row]


@pytest.mark.parametrize("table", VOCABULARIES)
def test_vocabulary_files_are_equal_byte_for_byte(both: Both, table: str) -> None:
    output = tft.TFTransformOutput(both.stock)
    stock = Path(output.vocabulary_file_by_name(table)).read_bytes()

    assert (both.vocabularies / table).read_bytes() == stock


def test_vocabularies_hold_what_is_hard(both: Both) -> None:
    tokens = (both.vocabularies / "words").read_bytes().splitlines()

    hard = {word.encode() for word in WORDS} - {b"", b"a\nb", b"a\rb"}
    assert hard <= set((both.vocabularies / "words").read_bytes().split(b"\n"))
    assert len((both.vocabularies / "at_most_3").read_bytes().splitlines()) == 3
    assert any(line.startswith(b"-") for line in _lines(both, "numbers"))
    assert len(_lines(both, "at_least_2")) < len(tokens)
    assert len(_lines(both, "nothing")) == len(_lines(both, "rare_only")) == 1


def _lines(both: Both, table: str) -> list[bytes]:
    return (both.vocabularies / table).read_bytes().splitlines()


@pytest.mark.parametrize("feature", FEATURES.features)
def test_ids_are_equal_known_and_unknown(both: Both, feature: str) -> None:
    assert both.outputs[feature] == both.stock_outputs[feature]


def test_unknown_tokens_use_every_row_that_they_have(both: Both) -> None:
    known = len(_lines(both, "words_over_3_rows"))

    unknown = {i for i in both.outputs["words_over_3_rows"] if i >= known}
    assert unknown == {known, known + 1, known + 2}


@pytest.mark.parametrize("number", FEATURES.numbers)
def test_scaled_numbers_are_equal_within_a_millionth(both: Both, number: str) -> None:
    ours = np.array(both.outputs[number])
    stock = np.array(both.stock_outputs[number])

    np.testing.assert_allclose(ours, stock, rtol=1e-6, atol=1e-6)
