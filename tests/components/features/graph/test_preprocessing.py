"""Tokens to ids, through TensorFlow Transform in Beam."""

from typing import Any

import pytest

from shardline.components.model.engine_config import table_rows


def test_ids_follow_how_often_tokens_of_a_table_occur(transformed: Any) -> None:
    # ada occurs three times over both columns, bea twice, cid once.
    assert transformed.ids["user"] == [0, 0, 1]


def test_features_of_one_table_share_its_vocabulary(transformed: Any) -> None:
    assert transformed.ids["known"] == [1, 2, 0]


def test_rare_tokens_go_to_the_out_of_vocabulary_rows(transformed: Any) -> None:
    m1, m2, m9 = transformed.ids["movie"]

    assert [m1, m2] == [1, 0]
    assert m9 in (2, 3, 4)


def test_sequence_keeps_the_newest(transformed: Any) -> None:
    first, second, third = transformed.ids["history"]

    assert len(first) == 2
    assert first[0] == 0
    assert first[1] in (2, 3, 4)
    assert second == []
    assert third == [0]


def test_weights_stay_aligned_with_their_ids(transformed: Any) -> None:
    assert transformed.ids["tags"] == [[1, 0], [], [0]]
    assert transformed.ids["tags.weights"] == [[1.0, 2.0], [], [0.5]]


def test_label_passes_through(transformed: Any) -> None:
    assert transformed.ids["label"] == [1.0, 0.0, 1.0]


def test_outputs_are_the_features_their_weights_and_the_label(transformed: Any) -> None:
    expected = {*transformed.features.features, "tags.weights", "label"}

    assert set(transformed.ids) == expected


@pytest.mark.parametrize(
    ("table", "expected"), [("person", 3 + 2), ("movie", 2 + 3), ("tag", 2 + 1)]
)
def test_rows_of_a_table_are_its_tokens_and_its_oov_rows(
    transformed: Any, table: str, expected: int
) -> None:
    assert table_rows(transformed.features, transformed.output)[table] == expected


def test_every_id_lies_inside_its_table(transformed: Any) -> None:
    rows = table_rows(transformed.features, transformed.output)

    for name, feature in transformed.features.features.items():
        ids = transformed.ids[name]
        flat = [i for row in ids for i in row] if feature.is_ragged else ids
        assert all(0 <= i < rows[feature.table] for i in flat), name


def test_table_without_any_frequent_token_still_has_an_oov_row(
    transformed: Any,
) -> None:
    rows = table_rows(transformed.features, transformed.output)

    assert rows["city"] >= 1
    assert len(set(transformed.ids["city"])) == 1
