"""What differs between two artifacts, beside what updates told of themselves."""

from pathlib import Path

from shardline_tests import load

from shardline.components.contracts.living_vocabulary import LivingVocabularies
from shardline.components.features.living.diff import changes_between
from shardline.components.features.living.files import write_table
from shardline.components.features.living.update import Before, updated
from shardline.configs.schema import Living, Vocabulary

counts_of = load(Path(__file__).with_name("test_update.py")).counts_of
RULES = Vocabulary(living=Living(grow_by=2, evict_after=2))


def saved(folder: Path, before: Before, tokens: dict[bytes, int]) -> Before:
    folder.mkdir()
    age = before.age + 1
    update = updated(before, {age: counts_of(tokens)}, RULES, age)
    changes = write_table(str(folder), "user", before, update, ["user"])
    LivingVocabularies(tables={"user": changes}, spans=(), updates=age).save(
        str(folder)
    )
    return Before(update.state, update.capacity, age)


def test_differences_add_up_over_updates(tmp_path: Path) -> None:
    spans = [{b"a": 3, b"b": 2}, {b"b": 1, b"c": 1}, {b"d": 1, b"e": 4}]
    before = Before()
    for number, span in enumerate(spans):
        before = saved(tmp_path / str(number), before, span)

    found = changes_between(str(tmp_path / "0"), str(tmp_path / "2"))["user"]

    assert (found.capacity_before, found.capacity) == (2, 4)
    # `a` has gone, and `e` has its row.
    assert found.admitted.column("token").to_pylist() == [b"e", b"c", b"d"]
    assert found.admitted.column("row").to_pylist() == [0, 2, 3]
    assert found.evicted.column("token").to_pylist() == [b"a"]
    assert (found.kept, found.moved) == (1, 0)


def test_table_that_is_new_has_only_admitted(tmp_path: Path) -> None:
    saved(tmp_path / "new", Before(), {b"a": 1})
    (tmp_path / "old").mkdir()
    LivingVocabularies(tables={}, spans=(), updates=1).save(str(tmp_path / "old"))

    found = changes_between(str(tmp_path / "old"), str(tmp_path / "new"))["user"]

    assert (found.capacity_before, found.kept) == (None, 0)
    assert found.admitted.num_rows == 1
    assert found.evicted.num_rows == 0


def test_artifact_differs_in_nothing_from_itself(tmp_path: Path) -> None:
    saved(tmp_path / "one", Before(), {b"a": 1, b"b": 1})

    found = changes_between(str(tmp_path / "one"), str(tmp_path / "one"))["user"]

    assert (found.admitted.num_rows, found.evicted.num_rows, found.kept) == (0, 0, 2)
