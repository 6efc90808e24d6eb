"""The transform graph outside Beam gives the ids that Beam gave."""

from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf

from shardline.components.features.graph.transform_graph import TransformGraph
from shardline.components.model.engine_config import table_rows


@pytest.fixture(scope="module")
def graph(transformed: Any) -> TransformGraph:
    """The graph, restricted to the features' columns."""
    return TransformGraph(transformed.output, transformed.features)


@pytest.fixture(scope="module")
def ids_of(
    graph: TransformGraph, serialize: Callable[..., bytes]
) -> Callable[..., Any]:
    """Transforms rows, which need no label."""

    def transform(rows: list[dict[str, list[Any]]]) -> dict[str, Any]:
        unlabelled = [
            {name: values for name, values in row.items() if name != "label"}
            for row in rows
        ]
        serialized = tf.constant([serialize(row) for row in unlabelled])
        return graph(graph.parse(serialized))

    return transform


def test_raw_examples_get_the_ids_of_the_transformed_ones(
    transformed: Any, ids_of: Callable[..., Any]
) -> None:
    again = ids_of(transformed.rows)

    for name in ("user", "known", "movie", "city"):
        assert again[name].numpy().tolist() == transformed.ids[name], name
    for name in ("history", "tags", "tags.weights"):
        assert again[name].to_list() == transformed.ids[name], name


def test_label_is_no_input_of_the_graph(graph: TransformGraph) -> None:
    assert set(graph.columns) == {
        "user",
        "friend",
        "city",
        "movie",
        "history",
        "tags",
        "tag_scores",
    }


def test_unseen_token_gets_the_same_oov_row_each_time(
    transformed: Any, ids_of: Callable[..., Any]
) -> None:
    stranger = transformed.rows[0] | {"user": ["zoe"], "friend": ["zoe"]}

    ids = ids_of([stranger, stranger])

    (user,) = set(ids["user"].numpy().tolist())
    assert 3 <= user < table_rows(transformed.features, transformed.output)["person"]
    assert ids["known"].numpy().tolist() == [user, user]


def test_unseen_tokens_spread_over_the_oov_rows(
    transformed: Any, ids_of: Callable[..., Any]
) -> None:
    strangers = [transformed.rows[0] | {"movie": [f"new{i}"]} for i in range(40)]

    ids = ids_of(strangers)["movie"].numpy().tolist()

    assert set(ids) == {2, 3, 4}


def test_empty_batch_gives_empty_ids(ids_of: Callable[..., Any], graph: Any) -> None:
    ids = graph(graph.parse(tf.constant([], tf.string)))

    assert ids["user"].shape == [0]
    assert ids["history"].nrows() == 0
