"""Examples with every kind of ids, and the ids that the transform graph makes."""

import dataclasses
import itertools
import os
import random
import sys
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from shardline.components.features.analysis.in_process import analyze_batches
from shardline.components.features.graph.loaded_graph import LoadedGraph
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.planner.counting import Counting
from shardline.components.planner.planning import TrainingSetup, plan_of
from shardline.components.planner.report import Plan
from shardline.configs.columns import raw_columns
from shardline.configs.schema import FeatureSet, Target

ROWS = 600
TARGET = Target(label="label")
SETUP = TrainingSetup(hosts=3, batch_size=100, sparse_cores=4)
FEATURES = FeatureSet.model_validate(
    {
        "features": {
            "user": {"table": "user"},
            "history": {"table": "item", "max_sequence_length": 4},
            "first": {
                "table": "item",
                "column": "history",
                "max_sequence_length": 2,
                "keep": "oldest",
            },
            "liked": {"table": "item", "combiner": "mean", "weights": "stars"},
            "city": {
                "table": "city",
                "default": "none",
                "ids": {"hash_buckets": 16, "salt": "s1"},
            },
            "pair": {
                "table": "pair",
                "cross": ["user", "device"],
                "ids": {"hash_buckets": 40},
            },
            "pairs": {
                "table": "pairs",
                "cross": ["user", "history"],
                "combiner": "sum",
            },
            "shop": {"table": "shop", "dtype": "int64", "ids": {"hash_buckets": 8}},
            "slot": {
                "table": "slot",
                "ids": {"range": 30, "out_of_range": "oov_rows"},
            },
            "price": {"table": "price", "ids": {"quantile_buckets": 5}},
            "hour": {
                "table": "hour",
                "dtype": "int64",
                "ids": {"quantile_buckets": 4},
            },
            "bag": {
                "table": "bag",
                "dtype": "int64",
                "default": 7,
                "combiner": "sum",
            },
        },
        "tables": {
            "user": {"dim": 4, "oov_rows": 3, "min_count": 12},
            "item": {"dim": 8, "oov_rows": 2, "max_tokens": 20},
            "city": {"dim": 4, "optimizer": {"sgd": {}}},
            "pair": {"dim": 4, "optimizer": {"adam": {}}},
            "pairs": {"dim": 4, "rows": 5000},
            "shop": {"dim": 4},
            "slot": {"dim": 4, "oov_rows": 2},
            "price": {"dim": 4},
            "hour": {"dim": 4},
            "bag": {"dim": 4},
        },
    }
)


def _rows() -> list[dict[str, Any]]:
    rng = random.Random(5)
    rows = []
    for number in range(ROWS):
        items = [f"i{int(rng.expovariate(0.1))}" for _ in range(rng.randrange(8))]
        liked = [f"i{rng.randrange(30)}" for _ in range(rng.randrange(4))]
        rows.append(
            {
                "user": f"u{int(rng.expovariate(0.05))}",
                "history": items,
                "liked": liked,
                "stars": [1.0] * len(liked),
                "city": None if number % 5 == 0 else f"c{rng.randrange(12)}",
                "device": f"d{rng.randrange(3)}",
                "shop": rng.randrange(-5, 20),
                "slot": rng.randrange(-3, 40),
                "price": rng.choice([0.5, 1.5, rng.random() * 9]),
                "hour": rng.randrange(24),
                "bag": [rng.randrange(9) for _ in range(rng.randrange(3))],
                "label": float(number % 2),
            }
        )
    return rows


@pytest.fixture(scope="session")
def features() -> FeatureSet:
    """The specification."""
    return FEATURES


@pytest.fixture(scope="session")
def batches() -> list[pa.RecordBatch]:
    """The examples, in batches of several sizes."""
    module = "components/features/analysis/batches.py"
    batch_of = sys.modules["shardline_tests"].load(module).batch_of
    whole = batch_of(raw_columns(FEATURES, TARGET), _rows())
    ends = [0, 7, 250, 251, 500, ROWS]
    return [whole.take(pa.array(range(*part))) for part in itertools.pairwise(ends)]


@dataclasses.dataclass(frozen=True)
class Truth:
    """What the transform graph makes of the examples.

    Attributes:
        ids: by feature, a list for each row.
    """

    ids: dict[str, list[list[int]]]


@pytest.fixture(scope="session")
def truth(
    batches: list[pa.RecordBatch], tmp_path_factory: pytest.TempPathFactory
) -> Truth:
    """The ids that preprocessing makes."""
    folder = str(tmp_path_factory.mktemp("truth"))
    preprocessing = FEATURES.preprocessing(TARGET)
    statistics = analyze_batches(batches, preprocessing, folder)
    write_transform_graph(
        os.path.join(folder, "graph"), preprocessing, statistics, folder
    )
    graph = LoadedGraph(os.path.join(folder, "graph"))
    transformed = [graph.transformed(batch) for batch in batches]
    return Truth(
        {
            name: [
                ids for batch in transformed for ids in batch.column(name).to_pylist()
            ]
            for name in FEATURES.features
        }
    )


@pytest.fixture(scope="session")
def planned(batches: list[pa.RecordBatch]) -> Callable[..., Plan]:
    """Plans for the examples."""

    def plan(setup: TrainingSetup = SETUP, sampled_rows: int = ROWS) -> Plan:
        counting = Counting(FEATURES.preprocessing(TARGET), sampled_rows)
        first = 0
        for batch in batches:
            counting.add(batch, 0, first)
            first += batch.num_rows
        return plan_of("every kind", counting, FEATURES, setup)

    return plan
