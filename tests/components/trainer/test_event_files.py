"""Events of steps that are run again are dropped, and half events of a kill."""

from pathlib import Path

import pytest
import tensorflow as tf

from shardline.components.trainer.event_files import drop_all, keep_until


def write(folder: Path, steps: range) -> None:
    with tf.summary.create_file_writer(str(folder)).as_default():
        for step in steps:
            tf.summary.scalar("loss", step, step)


def steps_in(folder: Path) -> list[int]:
    return [
        event.step
        for file in sorted(folder.glob("events.*"))
        for event in tf.compat.v1.train.summary_iterator(str(file))
        if event.summary.value
    ]


@pytest.mark.parametrize(("step", "kept"), [(0, []), (3, [1, 2, 3]), (9, [1, 2, 3, 4])])
def test_events_of_later_steps_are_dropped(
    tmp_path: Path, step: int, kept: list[int]
) -> None:
    write(tmp_path, range(1, 5))

    keep_until(tmp_path, step)

    assert steps_in(tmp_path) == kept
    assert len(list(tmp_path.iterdir())) == 1


def test_half_an_event_is_dropped(tmp_path: Path) -> None:
    write(tmp_path, range(1, 5))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5])

    keep_until(tmp_path, 9)

    assert steps_in(tmp_path) == [1, 2, 3]


def test_events_go_on_in_a_file_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, range(1, 5))
    keep_until(tmp_path, 2)

    write(tmp_path, range(3, 6))
    keep_until(tmp_path, 4)

    assert sorted(steps_in(tmp_path)) == [1, 2, 3, 4]


def test_training_that_begins_has_no_events(tmp_path: Path) -> None:
    keep_until(tmp_path / "absent", 3)

    assert not (tmp_path / "absent").exists()


def test_events_of_a_lost_attempt_are_dropped(tmp_path: Path) -> None:
    folder = tmp_path / "eval"
    for _ in range(2):
        drop_all(str(folder))
        write(folder, range(4, 5))

    assert steps_in(folder) == [4]
