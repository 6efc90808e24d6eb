"""Names of data become names of configurations."""

import re

import pytest

from shardline.components.drafter.names import clean_name, words_of


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("userId", ["user", "id"]),
        ("User-ID", ["user", "id"]),
        ("HTTPStatus", ["http", "status"]),
        ("prix unité", ["prix", "unite"]),
        ("名前", []),
        ("", []),
    ],
)
def test_words_of_a_name(name: str, words: list[str]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("userId", "user_id"),
        ("2nd", "feature_2nd"),
        ("名前", "feature"),
        ("scores", "scores_feature"),
        ("x_values", "x_values_feature"),
        ("a\x1b[31m\n{b}", "a_31m_b"),
        ("x" * 99, "x" * 40),
    ],
)
def test_name_is_cleaned(name: str, clean: str) -> None:
    assert clean_name(name, kind="feature") == clean
    assert re.fullmatch("[a-z][a-z0-9_]*", clean)


def test_name_that_is_taken_gets_a_number() -> None:
    assert clean_name("a", {"a", "a_2"}) == "a_3"
