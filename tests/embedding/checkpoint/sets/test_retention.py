"""Which sets are kept: the last ones, some for long, pinned ones, and their chains."""

import pytest

from shardline.embedding.checkpoint.sets.retention import (
    Keep,
    collect_garbage,
    remove_remains,
)


def steps(folder):
    return [one.step for one in folder.sets()]


def test_the_last_steps_stay(folder, write_set):
    for step in (1, 2, 3, 4):
        write_set(step)
    assert collect_garbage(folder, Keep(last=2)) == [
        "step-000000000002-full",
        "step-000000000001-full",
    ]
    assert steps(folder) == [3, 4]


def test_a_chain_stays_whole(folder, write_set):
    one = write_set(1)
    two = write_set(2, parent=one)
    write_set(3, parent=two)
    assert collect_garbage(folder, Keep(last=1)) == []
    assert steps(folder) == [1, 2, 3]


def test_a_compacted_chain_goes(folder, write_set):
    one = write_set(1)
    write_set(2, parent=one)
    write_set(2)
    collect_garbage(folder, Keep(last=1))
    assert [one.name for one in folder.sets()] == ["step-000000000002-full"]


def test_what_builds_on_a_compacted_step_keeps_its_chain(folder, write_set):
    one = write_set(1)
    two = write_set(2, parent=one)
    write_set(2)
    write_set(3, parent=two)
    collect_garbage(folder, Keep(last=1))
    assert [one.name for one in folder.sets()] == [
        "step-000000000001-full",
        "step-000000000002-differential",
        "step-000000000003-differential",
    ]


def test_pinned_sets_stay(folder, write_set):
    write_set(1, pinned=True)
    for step in (2, 3):
        write_set(step)
    collect_garbage(folder, Keep(last=1))
    assert steps(folder) == [1, 3]


def test_one_of_so_many_steps_stays(folder, write_set):
    for step in (10, 30, 60, 90, 100, 130, 210, 220):
        write_set(step)
        collect_garbage(folder, Keep(last=1, every_steps=100))
    assert steps(folder) == [10, 100, 210, 220]


def test_a_damaged_set_counts_for_nothing_and_stays(folder, write_set):
    for step in (1, 2, 3):
        write_set(step)
    folder.mark_damaged("step-000000000003-full", "x")
    collect_garbage(folder, Keep(last=2))
    assert steps(folder) == [1, 2]
    assert len(folder.found()) == 3


def test_remains_go(folder, write_set):
    write_set(1)
    (write_set(2).path / "manifest.json").unlink()
    assert remove_remains(folder) == ["step-000000000002-full"]
    assert steps(folder) == [1]
    assert len(folder.found()) == 1


@pytest.mark.parametrize("keep", [{"last": 0}, {"every_steps": 0}, {"last": -1}])
def test_keeping_nothing_is_refused(keep):
    with pytest.raises(ValueError, match="at least 1"):
        Keep(**keep)
