"""What is served: a recommender's features, and requests to it.

The DLRM of configs/movielens.yaml, grown: two tables of 200,000 rows, dim 64, some 20
ids in a bag, ids by hash, by range and by vocabulary, and all kinds of input.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from shardline.configs.schema import FeatureSet, Model, Precision, Target

NAME = "recommender"
PRECISIONS: tuple[Precision, ...] = ("float32", "float16", "int8")
RIVAL = "keras"
# Of the server's load; their scores tell them apart.
FIRST_MODEL, LATER_MODEL = "float32", "float16"
HOSTS = 2  # that it is trained on
DIM = 64
BIG_ROWS = 200_000
SEQUENCE = 30
IDS_OF_A_BAG = 20
TARGET = Target()
MODEL = Model(options={"hidden_units": [64, 32], "wide": True})

# Distinct tokens of the columns that have a vocabulary.
_TOKENS = {
    "occupation": 21,
    "gender": 2,
    "age_band": 7,
    "city": 1000,
    "device": 50,
    "weekday": 7,
    "genre": 19,
    "tag": 5000,
}
_WORDS = 50_000
_ZIPF = 1.2
_SINGLES = ("occupation", "gender", "age_band", "city", "device", "weekday")

FEATURES = FeatureSet.model_validate(
    {
        "features": {
            "user": {"table": "user", "ids": {"hash_buckets": BIG_ROWS}},
            "item": {"table": "item", "ids": {"range": BIG_ROWS}},
            "history": {
                "table": "item",
                "ids": {"range": BIG_ROWS},
                "max_sequence_length": SEQUENCE,
            },
            "viewed": {
                "table": "item",
                "ids": {"range": BIG_ROWS},
                "combiner": "mean",
            },
            **{name: {"table": name} for name in _SINGLES},
            "genres": {"table": "genre", "combiner": "mean"},
            "past_genres": {
                "table": "genre",
                "combiner": "mean",
                "weights": "past_genre_counts",
            },
            "tags": {"table": "tag", "combiner": "sqrtn", "weights": "tag_scores"},
            "words": {
                "table": "word",
                "ids": {"hash_buckets": _WORDS},
                "combiner": "sum",
            },
        },
        "numbers": {"price": {"scale": "z_score"}, "age_days": {"log": True}},
        "tables": {
            name: {"dim": DIM, "initial_stddev": 0.3}
            for name in ("user", "item", *_SINGLES, "genre", "tag", "word")
        },
    }
)

MILLION = 1_000_000
ONE_TABLE = FeatureSet.model_validate(
    {
        "features": {
            "item": {"table": "item", "ids": {"range": MILLION}},
            "seen": {"table": "item", "ids": {"range": MILLION}, "combiner": "mean"},
        },
        "tables": {"item": {"dim": DIM}},
    }
)


def rows_of_one_table(count: int, seed: int = 0) -> Iterator[dict[str, list[Any]]]:
    """Yields the columns of examples for `ONE_TABLE`; the same for a seed."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        item, *seen = rng.integers(MILLION, size=1 + _length(rng)).tolist()
        yield {"label": [float(rng.integers(2))], "item": [item], "seen": seen}


def rows(count: int, seed: int = 0) -> Iterator[dict[str, list[Any]]]:
    """Yields the columns of examples, the label among them; the same for a seed."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield {
            "label": [float(rng.integers(2))],
            "user": [f"user {_drawn(rng, 1, 10**6)[0]}"],
            "item": _drawn(rng, 1, BIG_ROWS),
            "history": _drawn(rng, _length(rng), BIG_ROWS),
            "viewed": _drawn(rng, _length(rng), BIG_ROWS),
            **{name: _tokens(rng, name, 1) for name in _SINGLES},
            "genres": _tokens(rng, "genre", rng.integers(1, 4)),
            **_weighted(rng, "past_genres", "past_genre_counts", "genre"),
            **_weighted(rng, "tags", "tag_scores", "tag"),
            "words": [f"word {i}" for i in _drawn(rng, _length(rng), 10**6)],
            "price": [float(rng.lognormal(3.0))],
            "age_days": [float(rng.exponential(300.0))],
        }


def _drawn(rng: np.random.Generator, count: int, below: int) -> list[int]:
    """Returns ids of which few are frequent, those all over the table."""
    frequency = rng.zipf(_ZIPF, count) % below
    return [int(i) * 7919 % below for i in frequency]


def _length(rng: np.random.Generator) -> int:
    return int(rng.integers(IDS_OF_A_BAG // 2, IDS_OF_A_BAG * 3 // 2 + 1))


def _tokens(rng: np.random.Generator, kind: str, count: int) -> list[str]:
    return [f"{kind} {i}" for i in rng.integers(_TOKENS[kind], size=count)]


def _weighted(
    rng: np.random.Generator, column: str, weights: str, kind: str
) -> dict[str, list[Any]]:
    count = _length(rng)
    return {
        column: _tokens(rng, kind, count),
        weights: rng.integers(1, 9, count).astype(float).tolist(),
    }
