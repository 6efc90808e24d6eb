"""A plan against a plain recount of the ids that the transform graph makes."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shardline.components.features.ids.arrow_tokens import feature_tokens
from shardline.components.planner.counting import Counting
from shardline.components.planner.planning import TrainingSetup, plan_of, slots_of
from shardline.components.planner.report import Plan
from shardline.components.planner.row_sample import row_hashes
from shardline.configs.schema import (
    SGD,
    Adagrad,
    Adam,
    FeatureSet,
    Living,
    Optimizer,
    Target,
)
from shardline.embedding.tables.partition import row_ranges

FEATURES_OF = {
    "user": ["user"],
    "item": ["history", "first", "liked"],
    "city": ["city"],
    "pair": ["pair"],
    "pairs": ["pairs"],
    "shop": ["shop"],
    "slot": ["slot"],
    "price": ["price"],
    "hour": ["hour"],
    "bag": ["bag"],
}
TABLES = list(FEATURES_OF)
ROWS_OF = {"city": 16, "pair": 40, "pairs": 5000, "shop": 8, "slot": 32}


def ids_of(truth: Any, table: str) -> Counter[int]:
    return Counter(
        one
        for feature in FEATURES_OF[table]
        for ids in truth.ids[feature]
        for one in ids
    )


def tokens_and_ids(
    truth: Any, batches: list[pa.RecordBatch], features: FeatureSet, table: str
) -> Counter[tuple[Any, int]]:
    """Counts (token, id) pairs by walking rows."""
    pairs: Counter[tuple[Any, int]] = Counter()
    for name in FEATURES_OF[table]:
        tokens = []
        for batch in batches:
            feature = features.features[name]
            values = feature_tokens(name, feature, batch).values
            tokens += values.to_pylist()
        ids = [one for row in truth.ids[name] for one in row]
        pairs.update(zip(tokens, ids, strict=True))
    return pairs


@pytest.fixture(scope="session")
def plan(planned: Callable[..., Plan]) -> Plan:
    return planned()


@pytest.mark.parametrize("table", TABLES)
def test_lookups_are_those_of_the_transform_graph(
    plan: Plan, truth: Any, table: str
) -> None:
    counts = sorted(ids_of(truth, table).values(), reverse=True)

    assert plan.tables[table].lookups == sum(counts)
    assert plan.tables[table].top_10 == pytest.approx(sum(counts[:10]) / sum(counts))
    frequencies = plan.tables[table].frequencies
    assert frequencies[0] == (1, counts[0])
    assert frequencies[-1] == (len(counts), counts[-1])
    assert all(counts[rank - 1] == lookups for rank, lookups in frequencies)


@pytest.mark.parametrize("table", TABLES)
def test_hot_ids_are_the_fewest_with_four_fifths_of_the_lookups(
    plan: Plan, truth: Any, table: str
) -> None:
    counts = sorted(ids_of(truth, table).values(), reverse=True)
    hot = plan.tables[table].hot_ids

    assert 5 * sum(counts[:hot]) >= 4 * sum(counts)
    assert 5 * sum(counts[: hot - 1]) < 4 * sum(counts)


@pytest.mark.parametrize("table", TABLES)
def test_every_token_has_the_id_of_the_transform_graph(
    plan: Plan,
    truth: Any,
    batches: list[pa.RecordBatch],
    features: FeatureSet,
    table: str,
) -> None:
    pairs = tokens_and_ids(truth, batches, features, table)
    tokens = {token for token, _ in pairs}
    users = Counter(one for _, one in pairs)

    assert len(pairs) == len(tokens)  # no token has two ids
    assert plan.tables[table].distinct == len(tokens)
    if table in ("price", "hour"):
        assert plan.tables[table].colliding is None
    else:
        alone = sum(1 for _, one in pairs if users[one] == 1)
        expected = 1 - alone / len(tokens)
        assert plan.tables[table].colliding == pytest.approx(expected)


@pytest.mark.parametrize(("table", "known"), [("item", 20), ("slot", 30)])
def test_out_of_vocabulary_rate_is_that_of_ids_in_the_rows_for_it(
    plan: Plan, truth: Any, table: str, known: int
) -> None:
    counts = ids_of(truth, table)
    outside = sum(count for one, count in counts.items() if one >= known)

    expected = outside / sum(counts.values())
    assert 0 < expected < 1
    assert plan.tables[table].out_of_vocabulary == pytest.approx(expected)


def test_vocabulary_that_lives_is_planned_with_the_rows_it_begins_with(
    batches: list[pa.RecordBatch], features: FeatureSet, plan: Plan
) -> None:
    tables = {
        name: table.model_copy(update={"max_tokens": None, "rows": None})
        for name, table in features.tables.items()
    }
    tables["item"] = tables["item"].model_copy(update={"living": Living(capacity=20)})
    lives = features.model_copy(update={"tables": tables})
    counting = Counting(lives.preprocessing(Target()).with_living(), 100)
    for number, batch in enumerate(batches):
        counting.add(batch, number, 0)

    planned = plan_of("x", counting, lives, TrainingSetup(2, 64, 1)).tables

    assert planned["item"].vocabulary == 20
    assert planned["item"].needed_rows == planned["item"].rows == 22
    assert planned["item"].out_of_vocabulary == plan.tables["item"].out_of_vocabulary
    assert planned["user"].vocabulary == 1000
    assert planned["user"].rows == 1003
    assert planned["shop"].rows == 8


@pytest.mark.parametrize("table", ["city", "pair", "shop", "price", "hour"])
def test_tables_without_a_vocabulary_have_no_rate(plan: Plan, table: str) -> None:
    assert plan.tables[table].out_of_vocabulary is None
    assert plan.tables[table].vocabulary is None


@pytest.mark.parametrize("table", TABLES)
def test_rows_are_those_that_ids_need_unless_given(
    plan: Plan, truth: Any, table: str
) -> None:
    planned = plan.tables[table]

    assert planned.rows == ROWS_OF.get(table, planned.needed_rows)
    assert max(ids_of(truth, table)) < planned.needed_rows
    oov_rows = {"user": 3, "item": 2, "pairs": 1, "bag": 1}
    if table in oov_rows:
        assert planned.vocabulary is not None
        assert planned.needed_rows == planned.vocabulary + oov_rows[table]


@pytest.mark.parametrize(("table", "slots"), [("city", 0), ("user", 1), ("pair", 2)])
def test_bytes_are_those_of_float32_rows_and_slots(
    plan: Plan, table: str, slots: int
) -> None:
    planned = plan.tables[table]

    assert planned.row_bytes == planned.rows * 4 * 4
    assert planned.total_bytes == planned.row_bytes * (1 + slots)


def test_bytes_of_all_tables_add_up(plan: Plan) -> None:
    assert plan.row_bytes == sum(table.row_bytes for table in plan.tables.values())
    assert plan.total_bytes > plan.row_bytes


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [
        (Optimizer(sgd=SGD()), 0),
        (Optimizer(adagrad=Adagrad()), 1),
        (Optimizer(adam=Adam()), 2),
    ],
)
def test_slots_are_those_of_the_optimizer(optimizer: Optimizer, slots: int) -> None:
    assert slots_of(optimizer) == slots


@pytest.mark.parametrize("table", TABLES)
def test_host_shares_are_those_of_the_engines_row_ranges(
    plan: Plan, truth: Any, table: str
) -> None:
    counts = ids_of(truth, table)
    ranges = row_ranges(plan.tables[table].rows, 3)
    expected = [
        sum(count for one, count in counts.items() if start <= one < end)
        / sum(counts.values())
        for start, end in ranges
    ]

    assert plan.tables[table].host_shares == pytest.approx(expected)
    assert plan.tables[table].imbalance == pytest.approx(3 * max(expected))


def test_host_shares_of_all_tables_are_weighted_by_lookups(
    plan: Plan, truth: Any
) -> None:
    on_first = sum(
        count
        for table in TABLES
        for one, count in ids_of(truth, table).items()
        if one < row_ranges(plan.tables[table].rows, 3)[0][1]
    )
    lookups = sum(sum(ids_of(truth, table).values()) for table in TABLES)

    assert plan.host_shares[0] == pytest.approx(on_first / lookups)
    assert sum(plan.host_shares) == pytest.approx(1)


def once(feature: str, ids: list[int]) -> list[int]:
    """Returns the ids of a row as a core has them: once, but in a sequence."""
    return ids if feature in ("history", "first") else sorted(set(ids))


def brute_limits(
    truth: Any, table: str, order: list[int], batch: int, cores: int
) -> tuple[int, int]:
    most_ids, most_unique = 0, 0
    for first in range(0, len(order) - batch + 1, batch):
        rows = order[first : first + batch]
        for core in range(cores):
            own = [row for i, row in enumerate(rows) if i // (batch // cores) == core]
            for partition in range(cores):
                ids = [
                    one
                    for feature in FEATURES_OF[table]
                    for row in own
                    for one in once(feature, truth.ids[feature][row])
                    if one % cores == partition
                ]
                most_ids = max(most_ids, len(ids))
                most_unique = max(most_unique, len(set(ids)))
    return most_ids, most_unique


@pytest.mark.parametrize("table", TABLES)
def test_limits_are_those_of_brute_force(plan: Plan, truth: Any, table: str) -> None:
    order = np.argsort(row_hashes(0, np.arange(600)), kind="stable").tolist()
    limits = plan.tables[table].limits

    assert (plan.sampled_batches, plan.sampled_examples) == (6, 600)
    assert brute_limits(truth, table, order, 100, 4) == (
        limits.max_ids_per_partition,
        limits.max_unique_ids_per_partition,
    )


def test_limits_come_from_as_many_rows_as_are_sampled(
    planned: Callable[..., Plan], truth: Any
) -> None:
    plan = planned(
        TrainingSetup(hosts=1, batch_size=64, sparse_cores=2), sampled_rows=200
    )
    order = np.argsort(row_hashes(0, np.arange(600)), kind="stable").tolist()[:200]
    limits = plan.tables["item"].limits

    assert (plan.sampled_batches, plan.sampled_examples) == (3, 192)
    assert brute_limits(truth, "item", order, 64, 2) == (
        limits.max_ids_per_partition,
        limits.max_unique_ids_per_partition,
    )


def test_fewer_rows_than_a_batch_are_one(planned: Callable[..., Plan]) -> None:
    plan = planned(TrainingSetup(hosts=1, batch_size=5000, sparse_cores=1))

    assert (plan.sampled_batches, plan.sampled_examples) == (1, 600)
    limits = plan.tables["user"].limits
    assert limits.max_ids_per_partition == 600
    assert limits.max_unique_ids_per_partition == len(
        {rank for rank, _ in plan.tables["user"].frequencies}
    )


def test_ids_a_row_are_counted_before_sequences_are_cut(
    plan: Plan, batches: list[pa.RecordBatch]
) -> None:
    lengths = sorted(
        len(row) for batch in batches for row in batch.column("history").to_pylist()
    )
    ids = plan.features["history"]

    assert (ids.p50, ids.p99, ids.most) == (lengths[299], lengths[593], lengths[-1])
    assert ids.percentiles[0] == lengths[0]
    assert ids.mean == pytest.approx(sum(lengths) / 600)
    cut = sum(max(0, length - 4) for length in lengths)
    assert ids.cut_off == pytest.approx(cut / sum(lengths))
    assert plan.features["liked"].cut_off == 0
    assert plan.features["user"].is_always_one
    assert not ids.is_always_one


def test_ids_a_row_of_a_cross_are_its_pairs(
    plan: Plan, batches: list[pa.RecordBatch]
) -> None:
    assert plan.features["pairs"].percentiles == plan.features["history"].percentiles


def test_plan_comes_back_from_json_equal(plan: Plan) -> None:
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_no_example_is_an_error(features: FeatureSet) -> None:
    counting = Counting(features.preprocessing(Target(label="label")), 10)

    with pytest.raises(ValueError, match="There is no training example to plan for"):
        plan_of("none", counting, features, TrainingSetup(1, 1, 1))


def test_ids_out_of_range_that_are_an_error_are_counted(
    batches: list[pa.RecordBatch], features: FeatureSet
) -> None:
    ranged = FeatureSet.model_validate(
        {
            "features": {"slot": {"table": "slot", "ids": {"range": 30}}},
            "tables": {"slot": {"dim": 4}},
        }
    )
    counting = Counting(ranged.preprocessing(Target(label="label")), 600)
    for batch in batches:
        counting.add(batch, 0, 0)

    table = plan_of("range", counting, ranged, TrainingSetup(2, 100, 2)).tables["slot"]

    slots = [
        one for b in batches for row in b.column("slot").to_pylist() for one in row
    ]
    outside = sum(1 for one in slots if not 0 <= one < 30)
    assert table.out_of_vocabulary == pytest.approx(outside / len(slots))
    assert table.rows == 30
    assert sum(table.host_shares) == pytest.approx(1)
