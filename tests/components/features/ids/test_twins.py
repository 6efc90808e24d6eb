"""Tokens and ids as tensors and as Arrow arrays are the same, whatever the input.

The same generated rows go through both: every kind of ids, of columns and of features,
with missing values, defaults, crosses and sequences. What is not known to a vocabulary,
and is out of range, is among them.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.features.graph.raw_adapter import RawAdapter
from shardline.components.features.graph.schema import example_schema
from shardline.components.features.graph.single_values import as_values
from shardline.components.features.ids import (
    arrow_ids,
    arrow_tokens,
    tensor_ids,
    tensor_tokens,
)
from shardline.configs.columns import raw_columns
from shardline.configs.schema import Feature, FeatureSet, Ids, Table

batch_of = load("components/features/analysis/batches.py").batch_of

ROWS = 40
WORDS = ["a", "b", "é", "日本", "", "a b", "-1", "none", "x\ny", "rare"]
WHOLE = [0, 1, -1, 7, 2**62, -(2**62), 5, 4, 3, 2]
INSIDE = [0, 1, 2, 3, 4]
FLOATS = [0.0, -0.5, 0.5, 1e30, -1e30, 2.5, 1e-30, 3.0]
# In the order of their ids; some words and numbers are not in it.
TOKENS = [b"b", b"a", "日本".encode(), b"none", b"0", b"-1", b"a_X_b", b"7_X_a"]


class Kind(NamedTuple):
    """A kind of feature, and what its column may hold.

    Attributes:
        feature: its configuration but for table and column.
        values: to draw from.
        boundaries: of its buckets.
        oov_rows: of its table.
    """

    feature: dict[str, Any]
    values: list[Any]
    boundaries: Sequence[int] | Sequence[float] = ()
    oov_rows: int = 1


IDS = {
    "vocabulary": Kind({}, WORDS),
    "vocabulary_with_oov_rows": Kind({}, WORDS, oov_rows=3),
    "vocabulary_of_int64": Kind({"dtype": "int64"}, WHOLE, oov_rows=2),
    "hash": Kind({"ids": Ids(hash_buckets=50)}, WORDS),
    "salted_hash": Kind({"ids": Ids(hash_buckets=50, salt="7|")}, WORDS),
    "hash_of_int64": Kind({"ids": Ids(hash_buckets=9), "dtype": "int64"}, WHOLE),
    "one_hash_bucket": Kind({"ids": Ids(hash_buckets=1)}, WORDS),
    "range": Kind({"ids": Ids(range=5)}, INSIDE),
    "range_or_oov_rows": Kind(
        {"ids": Ids(range=5, out_of_range="oov_rows")}, WHOLE, oov_rows=3
    ),
    "quantiles": Kind({"ids": Ids(quantile_buckets=4)}, FLOATS, [-0.5, 0.5, 2.5]),
    "quantiles_of_int64": Kind(
        {"ids": Ids(quantile_buckets=4), "dtype": "int64"}, WHOLE, [-1, 0, 2**62]
    ),
    "one_quantile": Kind({"ids": Ids(quantile_buckets=1)}, FLOATS),
    "one_quantile_of_int64": Kind(
        {"ids": Ids(quantile_buckets=1), "dtype": "int64"}, WHOLE
    ),
}
SHAPES: dict[str, dict[str, Any]] = {
    "single": {},
    "single_or_default": {"default": ...},
    "bag": {"combiner": "sum"},
    "bag_or_default": {"combiner": "mean", "default": ...},
    "newest": {"max_sequence_length": 2},
    "oldest": {"max_sequence_length": 2, "keep": "oldest"},
    "sequence_or_default": {"max_sequence_length": 1, "default": ...},
}
# Two columns of a cross, each a type and whether a row has several values.
CROSSES = {
    "singles": (("string", False), ("string", False)),
    "single_and_bag": (("int64", False), ("string", True)),
    "bag_and_single": (("string", True), ("int64", False)),
    "bags": (("int64", True), ("int64", True)),
}


class Twins(NamedTuple):
    """What both make of the same rows.

    Attributes:
        tokens: of each row: as tensors, as Arrow.
        ids: likewise.
    """

    tokens: tuple[list[list[Any]], list[list[Any]]]
    ids: tuple[list[list[int]], list[list[int]]]


Run = Callable[..., Twins]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    path = tmp_path / "vocabulary"
    path.write_bytes(b"\n".join(TOKENS) + b"\n")

    def made(
        feature: Feature,
        rows: list[dict[str, Any]],
        kind: Kind,
        others: dict[str, Feature] | None = None,
    ) -> Twins:
        features = FeatureSet(
            features={"f": feature, **(others or {})},
            tables={
                f.table: Table(dim=1, oov_rows=kind.oov_rows)
                for f in (feature, *(others or {}).values())
            },
        )
        columns = raw_columns(features)
        batch = batch_of(columns, rows)
        tensors = as_values(RawAdapter(example_schema(columns)).tensors(batch), columns)
        has_vocabulary = feature.ids.kind == "vocabulary"
        lookup = tensor_ids.VocabularyLookup(
            tensor_ids.vocabulary_lines(str(path), len(TOKENS)), len(TOKENS)
        )
        in_arrow = arrow_tokens.feature_tokens("f", feature, batch)
        settings = feature.ids, kind.oov_rows

        # Traced, as in the transform graph: buckets are noted in the graph they are of.
        @tf.function
        def as_graph(tensors: dict[str, Any]) -> tuple[Any, Any]:
            tokens = tensor_tokens.feature_tokens("f", feature, tensors)
            return tokens, tensor_ids.TableIds(
                *settings, lookup if has_vocabulary else None, kind.boundaries
            ).of(tokens, "f")

        in_tensors, of_tensors = as_graph(tensors)
        of_arrow = arrow_ids.TableIds(
            *settings,
            pa.array(TOKENS, pa.large_binary()) if has_vocabulary else None,
            kind.boundaries,
        ).of(in_arrow.values)
        assert of_tensors.dtype == tf.int64
        assert of_arrow.dtype == np.int64
        return Twins(
            (_rows(in_tensors), _by_row(in_arrow.values.to_pylist(), in_arrow)),
            (_rows(of_tensors), _by_row(of_arrow.tolist(), in_arrow)),
        )

    return made


def _rows(values: Any) -> list[list[Any]]:
    if isinstance(values, tf.RaggedTensor):
        return values.to_list()
    return [[value] for value in values.numpy().tolist()]


def _by_row(values: list[Any], tokens: arrow_tokens.Ragged) -> list[list[Any]]:
    ends = np.cumsum(tokens.lengths).tolist()
    return [
        values[end - length : end]
        for end, length in zip(ends, tokens.lengths.tolist(), strict=True)
    ]


def _drawn(
    rng: np.random.Generator, values: list[Any], *, several: bool, absent: bool
) -> Any:
    """Draws what a column holds in one row."""
    if several:
        return [values[i] for i in rng.integers(len(values), size=rng.integers(5))]
    if absent and rng.random() < 0.3:
        return None
    return values[rng.integers(len(values))]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ids", IDS)
def test_ids_of_tensors_and_arrow_are_equal(ids: str, shape: str, run: Run) -> None:
    kind, rng = IDS[ids], np.random.default_rng(len(ids) * 100 + len(shape))
    options = kind.feature | SHAPES[shape]
    has_default = "default" in options
    if has_default:
        options["default"] = kind.values[1]
    feature = Feature(table="t", **options)
    rows = [
        {"f": _drawn(rng, kind.values, several=feature.is_ragged, absent=has_default)}
        for _ in range(ROWS)
    ]

    made = run(feature, rows, kind)

    assert made.tokens[0] == made.tokens[1]
    assert made.ids[0] == made.ids[1]
    assert any(made.ids[0])


@pytest.mark.parametrize("ids", ["vocabulary_with_oov_rows", "salted_hash"])
@pytest.mark.parametrize(
    ("cross", "cut"),
    [(cross, None) for cross in CROSSES]
    + [(cross, 2) for cross in CROSSES if cross != "singles"],
)
def test_ids_of_crosses_are_equal(
    cross: str, cut: int | None, ids: str, run: Run
) -> None:
    kind, rng = IDS[ids], np.random.default_rng(len(cross))
    is_ragged = any(several for _, several in CROSSES[cross])
    kept = {"max_sequence_length": cut} if cut else {"combiner": "sum"}
    feature = Feature(
        table="t", cross=("x", "y"), **kind.feature, **(kept if is_ragged else {})
    )
    others = {
        name: Feature(
            table=name, dtype=dtype, **({"combiner": "sum"} if several else {})
        )
        for name, (dtype, several) in zip("xy", CROSSES[cross], strict=True)
    }
    rows = [
        {
            name: _drawn(
                rng,
                WORDS if dtype == "string" else WHOLE,
                several=several,
                absent=False,
            )
            for name, (dtype, several) in zip("xy", CROSSES[cross], strict=True)
        }
        for _ in range(ROWS)
    ]

    made = run(feature, rows, kind, others)

    assert made.tokens[0] == made.tokens[1]
    assert made.ids[0] == made.ids[1]


@pytest.mark.parametrize("wrong", [-1, 5])
def test_id_out_of_range_is_an_error_of_tensors_and_as_it_is_in_arrow(
    wrong: int,
) -> None:
    ids = Ids(range=5)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="Feature `f`: an id is not in 0 to 4"
    ):
        tensor_ids.TableIds(ids, 1).of(tf.constant([3, wrong], tf.int64), "f")

    assert arrow_ids.TableIds(ids, 1).of(pa.array([3, wrong])).tolist() == [3, wrong]


def test_many_tokens_are_hashed_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = [f"{n}" for n in range(10)]
    expected = tensor_ids.hash_ids(tf.constant(tokens), 1000, "s").numpy().tolist()

    monkeypatch.setattr(arrow_ids, "_HASHED_AT_ONCE", 3)

    assert arrow_ids.hash_ids(pa.array(tokens), 1000, "s").tolist() == expected
    assert arrow_ids.hash_ids(pa.array([], pa.string()), 1000).tolist() == []


@pytest.mark.parametrize(
    ("ids", "vocabulary", "known"),
    [
        (Ids(), TOKENS, len(TOKENS)),
        (Ids(range=5), None, 5),
        (Ids(hash_buckets=9), None, None),
        (Ids(quantile_buckets=9), None, None),
    ],
)
def test_ids_below_the_known_ones_are_of_the_vocabulary_or_in_range(
    ids: Ids, vocabulary: list[bytes] | None, known: int | None
) -> None:
    tokens = None if vocabulary is None else pa.array(vocabulary, pa.large_binary())
    assert arrow_ids.TableIds(ids, 1, tokens).known == known
