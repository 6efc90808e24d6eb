"""A graph loses tokens, and is whole afterwards."""

import shutil
from pathlib import Path

import pytest
from shardline_tests import load

from shardline.components.contracts.file_record import damage_by
from shardline.components.eraser.graphs import (
    erase_from_graph,
    erased_rows,
    free_rows,
)
from shardline.components.features.graph.writer import GRAPH_FILES

scope_of_users = load("components/eraser/scopes.py").scope_of_users


@pytest.fixture
def graph(old_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(old_run / "transform_graph", tmp_path / "graph"))


def test_tokens_of_the_table_leave_and_those_of_others_stay(graph: Path) -> None:
    assets = graph / "transform_fn" / "assets"
    lines = (assets / "user").read_text().split("\n")
    movies = (assets / "movie").read_bytes()
    (assets / "own").write_text("a-1001\n3\n")
    scope = scope_of_users(b"3", b"a-1001")
    rows = erased_rows(graph, scope)
    assert free_rows(graph, scope) == rows
    assert rows["user"] == [lines.index("3")]
    assert rows["own"] == [0]

    assert erase_from_graph(graph, scope).tokens == 2

    assert free_rows(graph, scope) == rows
    assert not any(erased_rows(graph, scope).values())
    assert "3" not in (assets / "user").read_text().split("\n")
    assert (assets / "movie").read_bytes() == movies
    assert (assets / "own").read_text().split("\n")[1:] == ["3", ""]
    assert damage_by(GRAPH_FILES, str(graph)) == ""
    assert not erase_from_graph(graph, scope)


def test_rows_of_a_range_are_its_ids(graph: Path) -> None:
    scope = scope_of_users(b"3", b"5", kind="range", table="slot")

    assert erased_rows(graph, scope)["slot"] == [3, 5]
