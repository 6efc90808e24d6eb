"""All sets of a folder verified, each once."""

import shutil

import pytest

from shardline.embedding.checkpoint.sets import checkup
from shardline.embedding.checkpoint.sets.checkup import checked
from shardline.embedding.checkpoint.sets.reader import SetDamagedError
from shardline.embedding.checkpoint.sets.verify import verify_set


def taken_away(chain, one) -> list[str]:
    chain.folder.remove(one.name)
    return ["a file is gone"]


def taken_away_while_it_is_opened(chain, one) -> list[str]:
    chain.folder.remove(one.name)
    raise SetDamagedError("a file is gone")


def taken_away_before_it_is_opened(chain, one) -> list[str]:
    chain.folder.remove(one.name)
    return verify_set(one)


@pytest.fixture
def chain(made_sets, tmp_path):
    """A full set, and two differential ones."""
    training = made_sets.training(tmp_path / "sets", item=9)
    training.save(10)
    training.touch(item=[1, 7])
    training.touch(item=[1, 8])
    return training


def flip_bit(path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 4
    path.write_bytes(content)


def test_whole_sets_are_good(chain) -> None:
    verdicts = list(checked(chain.folder))

    assert [one.name for one in verdicts] == [s.name for s in chain.folder.sets()]
    assert all(one.is_good and not one.marked for one in verdicts)
    assert all(one.bytes > 0 for one in verdicts)


def test_damaged_set_is_named_and_so_are_those_that_build_on_it(chain) -> None:
    full, middle, last = chain.folder.sets()
    flip_bit(middle.path / "tables.data-00001-of-00002")

    good, damaged, broken = checked(chain.folder)

    assert good.is_good
    (fault,) = damaged.faults
    assert "tables.data-00001-of-00002: stored rows" in fault
    assert "'item'" in fault
    assert broken.faults == [f"it builds on {middle.name}, which is damaged"]
    assert chain.folder.sets() == [full, middle, last]


def test_damaged_sets_are_marked_if_asked_for(chain) -> None:
    full, middle, _ = chain.folder.sets()
    flip_bit(middle.path / "tables.data-00000-of-00002")

    verdicts = list(checked(chain.folder, marks=True))

    assert [one.marked for one in verdicts] == [False, True, True]
    assert chain.folder.sets() == [full]
    again = list(checked(chain.folder))
    assert [one.marked for one in again] == [False, True, True]
    assert not again[1].is_good


def test_set_is_verified_with_what_it_builds_on_only(chain) -> None:
    _, middle, last = chain.folder.sets()
    flip_bit(last.path / "tables.data-00000-of-00002")

    verdicts = list(checked(chain.folder, middle))

    assert [one.name for one in verdicts] == [s.name for s in chain.folder.sets()[:2]]
    assert all(one.is_good for one in verdicts)


def test_missing_parent_is_a_fault(chain) -> None:
    full, *_ = chain.folder.sets()
    shutil.rmtree(full.path)

    verdicts = list(checked(chain.folder))

    assert [full.name in one.faults[0] for one in verdicts] == [True, True]


def test_marked_set_is_no_good_one_even_if_its_files_are_whole(chain) -> None:
    *_, last = chain.folder.sets()
    chain.folder.mark_damaged(last.name, "a person said so")

    *_, verdict = checked(chain.folder)

    assert verdict.faults == ["it is marked as damaged: a person said so"]


def test_damaged_manifest_is_a_fault(chain) -> None:
    *_, last = chain.folder.sets()
    (last.path / "manifest.json").write_text("{}")

    *_, verdict = checked(chain.folder, marks=True)

    assert "is no manifest" in verdict.faults[0]
    assert verdict.bytes == 0


@pytest.mark.parametrize(
    "take_away",
    [taken_away, taken_away_while_it_is_opened, taken_away_before_it_is_opened],
)
def test_remains_and_sets_that_are_removed_meanwhile_are_left_out(
    chain, monkeypatch, take_away
) -> None:
    full, middle, last = chain.folder.sets()
    (last.path / "manifest.json").unlink()

    def removing(one):
        is_middle = one.name == middle.name
        return take_away(chain, one) if is_middle else verify_set(one)

    monkeypatch.setattr(checkup, "verify_set", removing)

    assert [one.name for one in checked(chain.folder)] == [full.name]
