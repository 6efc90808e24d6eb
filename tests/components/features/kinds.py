"""Every kind of feature and number in one specification, with rows of examples.

What each kind must give is written out, or worked out in plain Python by the tests.
"""

from typing import Any, NamedTuple

import tensorflow as tf
from shardline_tests import load

from shardline.configs.columns import raw_columns
from shardline.configs.schema import Feature, FeatureSet, Ids, Number, Table, Target

example = load("components/readers/files/conftest.py").example

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
    kept = {
        name: value
        for n, (name, value) in enumerate(sorted(row.items()))
        if value is not None or n % 2 == 0
    }
    return example(kept)
