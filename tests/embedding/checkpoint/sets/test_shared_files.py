"""Hosts that do not see what this process sees are named before anything is trained."""

import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding.checkpoint.sets.saver import SetSaver
from shardline.embedding.checkpoint.sets.shared_files import check_seen

training = load("embedding/checkpoint/sets/training.py")


@pytest.fixture
def unseen(monkeypatch):
    """No host sees any file."""

    def read(path):
        raise tf.errors.NotFoundError(None, None, f"{path}; No such file or directory")

    monkeypatch.setattr(tf.io, "read_file", read)


def test_file_that_all_hosts_see_is_well(tmp_path):
    path = tmp_path / "file"
    path.touch()
    check_seen(path, ["/CPU:0", "/device:CPU:0"])


def test_host_that_does_not_see_a_file_is_named(tmp_path, unseen):
    path = tmp_path / "file"
    path.touch()
    message = f"The host /CPU:0 does not see {path}, which this process sees: .*a file"
    with pytest.raises(RuntimeError, match=message):
        check_seen(path, ["/CPU:0"])


def test_file_that_is_missing_here_too_is_another_error(tmp_path):
    with pytest.raises(tf.errors.NotFoundError, match="No such file"):
        check_seen(tmp_path / "nowhere", ["/CPU:0"])


def test_saver_is_not_made_where_a_host_does_not_see_its_folder(tmp_path, unseen):
    small = training.SmallTraining(hosts=1)
    for _ in range(2):  # the folder is free again
        with pytest.raises(RuntimeError, match="must lie on a file system that all"):
            SetSaver(tmp_path, small.engine, lineage={})
