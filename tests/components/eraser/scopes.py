"""Scopes for tests of the eraser."""

from typing import Any

from shardline.components.contracts.erasures.columns import ErasableColumn
from shardline.components.eraser.scope import Scope

USER = {"user_id": ErasableColumn(tables=("user",), ragged=False)}


def scope_of_users(*tokens: bytes, **others: Any) -> Scope:
    """A scope of users, in a run that has movies and pairs of both."""
    fields = {
        "feature": "user_id",
        "table": "user",
        "kind": "vocabulary",
        "tokens": frozenset(tokens),
        "columns": USER,
        "read": frozenset(["user_id", "movie_id", "label"]),
        "crosses": {"pair": frozenset([0])},
        "others": frozenset(["movie"]),
        "names": frozenset(others.get("columns", USER)),
    }
    return Scope(**fields | others)  # type: ignore[arg-type]


def scope_of_movies(*tokens: bytes) -> Scope:
    """A scope of movies, which are in two columns."""
    columns = {
        "movie_id": ErasableColumn(tables=("movie",), ragged=False),
        "history": ErasableColumn(tables=("movie",), ragged=True),
    }
    return scope_of_users(
        *tokens,
        feature="movie_id",
        table="movie",
        columns=columns,
        crosses={},
        others=frozenset(["user", "genre"]),
    )
