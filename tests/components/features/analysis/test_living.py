"""Counts of spans into living vocabularies: what is counted, and what no line names."""

from pathlib import Path

import pytest
from shardline_tests import load

from shardline.components.contracts.living_vocabulary import FREE_LINE
from shardline.components.features.analysis.counts import to_bytes
from shardline.components.features.analysis.living import (
    write_living_vocabulary,
    write_vocabulary_at_once,
)
from shardline.components.features.living.counting import counting_of_spans
from shardline.configs.schema import Feature, FeatureSet, Living, Table, Target

counts_of = load("components/features/living/test_update.py").counts_of
FEATURES = FeatureSet(
    features={"user": Feature(table="user")}, tables={"user": Table(dim=1, min_count=2)}
)
PREPROCESSING = FEATURES.preprocessing(Target())
LIVING = PREPROCESSING.with_living()


def files_of(folder: Path, *spans: dict[bytes, int]) -> dict[int, list[str]]:
    """Writes the counts of each span in two shards."""
    files: dict[int, list[str]] = {}
    for age, span in enumerate(spans, 1):
        for shard in range(2):
            some = dict(list(span.items())[shard::2])
            path = folder / f"{age}-{shard}"
            path.write_bytes(to_bytes(counts_of(some)))
            files.setdefault(age, []).append(str(path))
    return files


def test_counts_of_spans_add_up(tmp_path: Path) -> None:
    files = files_of(tmp_path, {b"a": 1, b"b": 2, b"c": 1}, {b"a": 1, b"d": 5})

    statistics, changes = write_living_vocabulary(
        str(tmp_path), "user", files, LIVING, counting_of_spans(["1", "2"])
    )

    assert (tmp_path / "user").read_text().splitlines()[:3] == ["d", "a", "b"]
    assert (changes.live, changes.waiting, changes.free) == (3, 1, 997)
    assert changes.columns == ("user",)
    assert statistics.model_dump() == {
        "size": 1000, "distinct": 4, "tokens": 10, "covered": 9, "unusable": 0
    }  # fmt: skip


def test_tokens_that_no_line_can_name_stay_outside(tmp_path: Path) -> None:
    free = FREE_LINE.encode()
    odd = {b"": 9, b"x\ny": 8, b"x\ry": 7, free: 6, free + b"0": 5}
    files = files_of(tmp_path, odd | {b"a": 2, free[:-1]: 3})

    statistics, changes = write_living_vocabulary(
        str(tmp_path), "user", files, LIVING, counting_of_spans(["1"])
    )

    lines = (tmp_path / "user").read_bytes().splitlines()
    assert lines[:2] == [free[:-1], b"a"]
    assert len(lines) == 1000
    assert (changes.live, changes.waiting) == (2, 0)
    assert (statistics.unusable, statistics.distinct) == (5, 7)
    assert (statistics.tokens, statistics.covered) == (40, 5)


@pytest.mark.parametrize("spans", [[], [{}]])
def test_no_token_gives_free_rows(
    tmp_path: Path, spans: list[dict[bytes, int]]
) -> None:
    statistics, changes = write_living_vocabulary(
        str(tmp_path), "user", files_of(tmp_path, *spans), LIVING, counting_of_spans([])
    )

    assert (statistics.size, statistics.tokens, changes.free) == (1000, 0, 1000)


def test_all_at_once_is_a_first_span_or_no_living_vocabulary(tmp_path: Path) -> None:
    shards = {0: files_of(tmp_path, {b"a": 3, b"b": 1, b"c": 4})[1]}

    dead = write_vocabulary_at_once(str(tmp_path), "user", shards, PREPROCESSING)
    assert (tmp_path / "user").read_text() == "c\na\n"
    lives = write_vocabulary_at_once(str(tmp_path), "user", shards, LIVING)
    assert (tmp_path / "user").read_text().startswith("c\na\n49d0")

    assert dead.model_copy(update={"size": 1000}) == lives


def test_capacity_is_that_of_the_configuration(tmp_path: Path) -> None:
    rules = LIVING.vocabularies["user"].model_copy(
        update={"living": Living(capacity=1)}
    )
    living = LIVING.model_copy(update={"vocabularies": {"user": rules}})
    shards = {0: files_of(tmp_path, {b"a": 3, b"c": 4})[1]}

    statistics = write_vocabulary_at_once(str(tmp_path), "user", shards, living)

    assert (statistics.size, statistics.covered) == (1, 4)
