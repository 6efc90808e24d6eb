"""What models know, from their own files, and which tokens of a living one are rare."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shardline.components.comparison.vocabularies import model_tokens, rare_tokens
from shardline.components.contracts.living_vocabulary import free_line


def test_model_knows_the_lines_of_its_vocabularies_but_free_ones(
    export, tmp_path: Path
) -> None:
    lines = ["ada", free_line(1), "b c", "49d0cd50-04bb-48c0-bc6f-5b575dce351a"]

    found = model_tokens(export(tmp_path / "model", tokens=lines))

    assert {table: t.to_pylist() for table, t in found.items()} == {
        "person": [b"ada", b"b c"]
    }


def test_of_a_model_without_a_card_nothing_is_known(tmp_path: Path) -> None:
    assert model_tokens(tmp_path) == {}


def write_state(folder: Path, table: str, counts: dict[str, tuple[int, float]]) -> None:
    rows, tokens = [row for row, _ in counts.values()], [t.encode() for t in counts]
    columns = {
        "row": pa.array(rows, pa.int64()),
        "token": pa.array(tokens, pa.binary()),
        "count": pa.array([count for _, count in counts.values()]),
    }
    pq.write_table(pa.table(columns), folder / f"{table}.tokens.parquet")


def test_rarer_half_of_the_tokens_with_a_row_is_rare(tmp_path: Path) -> None:
    counts = {"a": (0, 9.0), "b": (2, 1.5), "c": (1, 2.0), "d": (3, 7.0)}
    write_state(tmp_path, "movie", {**counts, "waits": (-1, 0.5)})

    (tokens,) = rare_tokens(tmp_path).values()

    assert sorted(tokens.to_pylist()) == [b"b", b"c"]


def test_equally_frequent_tokens_are_not_rare(tmp_path: Path) -> None:
    write_state(tmp_path, "movie", {"a": (0, 2.0), "b": (1, 2.0)})
    write_state(tmp_path, "none", {"a": (-1, 2.0)})

    assert rare_tokens(tmp_path) == {}
