"""A vocabulary's file and statistics, from files of counts."""

from pathlib import Path

import pyarrow as pa
import pytest

from shardline.components.features.analysis import vocabulary as vocabularies
from shardline.components.features.analysis.counts import to_bytes
from shardline.components.features.analysis.vocabulary import write_vocabulary
from shardline.configs.schema import Vocabulary

COUNTS = {"a": 3, "b": 5, "c": 3, "é": 3, "d": 1, "": 9, "x\ny": 8, "x\ry": 7, "e": 1}


def written(
    folder: Path, shards: list[list[dict[str, int]]], rules: Vocabulary
) -> tuple[bytes, dict[str, int]]:
    """Returns the vocabulary's file and its statistics, from files of counts."""
    files: dict[int, list[str]] = {}
    for shard, parts in enumerate(shards):
        for n, part in enumerate(parts):
            tokens = pa.array([t.encode() for t in part], pa.large_binary())
            table = pa.table({"token": tokens, "count": pa.array(part.values())})
            path = folder / f"{shard}-{n}"
            path.write_bytes(to_bytes(table))
            files.setdefault(shard, []).append(str(path))
    statistics = write_vocabulary(str(folder / "vocabulary"), files, rules)
    return (folder / "vocabulary").read_bytes(), statistics.model_dump()


def test_most_frequent_comes_first_and_ties_fall(tmp_path: Path) -> None:
    lines, statistics = written(tmp_path, [[COUNTS]], Vocabulary())

    assert lines.decode() == "b\né\nc\na\ne\nd\n"
    assert statistics == {
        "size": 6,
        "distinct": 9,
        "tokens": sum(COUNTS.values()),
        "covered": 5 + 3 * 3 + 2,
        "unusable": 3,
    }


def test_counts_of_spans_and_shards_add_up(tmp_path: Path) -> None:
    shards = [[{"a": 1, "b": 2}, {"a": 4}], [{"c": 3}, {"c": 1, "d": 1}]]

    lines, statistics = written(tmp_path, shards, Vocabulary())

    assert lines == b"a\nc\nb\nd\n"
    assert (statistics["distinct"], statistics["tokens"], statistics["covered"]) == (
        4,
        12,
        12,
    )


def test_rare_tokens_stay_out_by_their_count_over_all_spans(tmp_path: Path) -> None:
    shards = [[{"a": 1, "b": 2}, {"a": 1}], [{"c": 1}]]

    lines, statistics = written(tmp_path, shards, Vocabulary(min_count=2))

    assert lines == b"b\na\n"
    assert (statistics["size"], statistics["covered"], statistics["distinct"]) == (
        2,
        4,
        3,
    )


def test_only_the_most_frequent_stay(tmp_path: Path) -> None:
    lines, statistics = written(tmp_path, [[COUNTS]], Vocabulary(max_tokens=2))

    assert lines.decode() == "b\né\n"
    assert (statistics["size"], statistics["covered"]) == (2, 8)


@pytest.mark.parametrize("shards", [[], [[{"": 3}]], [[{"a": 1}]]])
def test_vocabulary_without_tokens_has_one_line_that_no_token_is(
    tmp_path: Path, shards: list[list[dict[str, int]]]
) -> None:
    lines, statistics = written(tmp_path, shards, Vocabulary(min_count=2))

    assert lines.count(b"\n") == 1
    assert len(lines) > 30
    assert (statistics["size"], statistics["covered"]) == (1, 0)


def test_lines_are_the_same_however_many_are_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = written(tmp_path, [[COUNTS]], Vocabulary())
    monkeypatch.setattr(vocabularies, "_LINES_AT_ONCE", 2)

    assert written(tmp_path, [[COUNTS]], Vocabulary())[0] == whole
