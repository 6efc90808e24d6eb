"""The file of a host without rows."""

import pytest

from shardline.embedding.checkpoint.sets.cut import write_no_rows


def test_host_without_rows_has_an_empty_file(tmp_path):
    assert write_no_rows(str(tmp_path / "shard")) == []
    assert (tmp_path / "shard").read_bytes() == b""


def test_missing_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        write_no_rows(str(tmp_path / "missing" / "shard"))
