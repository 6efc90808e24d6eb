"""Rows that lack values in every way, and what stands for them."""

from typing import Any

from shardline.configs.columns import raw_columns
from shardline.configs.schema import FeatureSet, Target

TARGET = Target(label="label")
TABLES = ("sure", "word", "blank", "whole", "place", "level", "time", "bag")
FEATURES = FeatureSet.model_validate(
    {
        "features": {
            "sure": {"table": "sure"},
            "word": {"table": "word", "default": "none"},
            "blank": {"table": "blank", "default": ""},
            "whole": {"table": "whole", "dtype": "int64", "default": 0},
            "place": {"table": "place", "default": 2, "ids": {"range": 4}},
            "level": {"table": "level", "default": 1.5, "ids": {"quantile_buckets": 2}},
            "time": {
                "table": "time",
                "dtype": "int64",
                "default": 0,
                "ids": {"quantile_buckets": 2},
            },
            "bag": {"table": "bag", "combiner": "sum", "default": "none"},
            "other_bag": {"table": "bag", "combiner": "sum"},
            "weighed": {
                "column": "bag",
                "table": "bag",
                "combiner": "sum",
                "weights": "pounds",
                "default": "none",
            },
        },
        "numbers": {
            "mean": {"column": "x", "missing": "mean", "scale": "z_score"},
            "seven": {"column": "x", "missing": 7.0},
            "mean_whole": {"column": "n", "dtype": "int64", "missing": "mean"},
            "minus_1": {"column": "n", "dtype": "int64", "missing": -1.0},
            "y": {},
        },
        "tables": {name: {"dim": 1} for name in TABLES},
    }
)
COLUMNS = raw_columns(FEATURES, TARGET)
EARLY = 1_700_000_000_000
ROWS: list[dict[str, Any]] = [
    {
        "label": 1.0,
        "sure": "s",
        "word": "a",
        "blank": "b",
        "whole": 9,
        "place": 3,
        "level": 1.0,
        "time": EARLY,
        "bag": ["a", "b"],
        "pounds": [1.0, 2.0],
        "other_bag": ["a"],
        "x": 1.0,
        "n": 4,
        "y": 0.5,
    },
    {"label": 0.0, "sure": "s", "y": 0.5},
    {
        "label": 0.0,
        "sure": "t",
        "word": "none",
        "blank": "b",
        "whole": 0,
        "place": 0,
        "level": 4.0,
        "time": EARLY + 1,
        "bag": ["none"],
        "pounds": [3.0],
        "other_bag": ["b"],
        "x": 4.0,
        "n": 6,
        "y": 0.5,
    },
]
EXPECTED: dict[str, list[Any]] = {
    "sure": [0, 0, 1],
    "word": [1, 0, 0],
    "blank": [0, 1, 0],  # "" has no line in a vocabulary, and so the row after it
    "whole": [1, 0, 0],
    "place": [3, 2, 0],
    "level": [0, 1, 1],
    "time": [1, 0, 1],
    "bag": [[2, 1], [0], [0]],
    "other_bag": [[2], [], [1]],
    "weighed": [[2, 1], [0], [0]],
    "mean": [-1, 0, 1],
    "seven": [1, 7, 4],
    "mean_whole": [4, 5, 6],
    "minus_1": [4, -1, 6],
    "y": [0.5, 0.5, 0.5],
}
