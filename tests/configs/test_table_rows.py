"""The rows that ids need, for every kind of ids."""

import pytest

from shardline.configs.features import Ids
from shardline.configs.table_rows import needed_rows
from shardline.configs.tables import Vocabulary


@pytest.mark.parametrize(
    ("table", "ids", "tokens", "rows"),
    [
        ({"oov_rows": 3}, {}, 20, 23),
        ({"oov_rows": 3}, {}, 0, 3),
        ({"oov_rows": 3}, {}, None, 4),
        ({"oov_rows": 3, "max_tokens": 10}, {}, None, 13),
        ({"oov_rows": 3, "max_tokens": 10}, {}, 7, 10),
        ({"oov_rows": 3, "living": {"capacity": 10}}, {}, None, 13),
        ({"oov_rows": 3, "living": {"grow_by": 10}}, {}, None, 4),
        ({}, {"hash_buckets": 50}, None, 50),
        ({}, {"quantile_buckets": 8}, None, 8),
        ({"oov_rows": 3}, {"range": 30}, None, 30),
        ({"oov_rows": 3}, {"range": 30, "out_of_range": "oov_rows"}, None, 33),
    ],
    ids=str,
)
def test_rows_follow_from_the_kind_of_ids(table, ids, tokens, rows):
    assert needed_rows(Vocabulary(**table), Ids(**ids), tokens) == rows
