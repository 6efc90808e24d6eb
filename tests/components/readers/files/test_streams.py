"""The bytes of plain and gzipped files, and what their damage is called."""

import gzip
from pathlib import Path
from zipfile import BadZipFile

import pytest

from shardline.components.readers.files.judging.bad_input import FileFault
from shardline.components.readers.files.streams import byte_stream, file_faults

CONTENT = bytes(range(256)) * 1000


@pytest.mark.parametrize("name", ["a.bin", "a.gz"])
def test_content_comes_whole(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(CONTENT) if name.endswith("gz") else CONTENT)

    with byte_stream(str(path)) as stream:
        assert stream.read() == CONTENT


def test_members_of_a_gzip_and_zeros_after_them_are_read_on(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one ") + gzip.compress(b"two") + b"\0" * 512)

    with byte_stream(str(path)) as stream:
        assert stream.read() == b"one two"


def test_bytes_before_the_end_of_a_cut_gzip_come_first(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(CONTENT)[:-10])

    with byte_stream(str(path)) as stream:
        assert stream.read(100) == CONTENT[:100]
        with pytest.raises(FileFault, match=r"its gzip is cut off after [\d,]+ bytes"):
            stream.read()


def test_file_that_is_no_gzip_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(b"plain text")

    with (
        byte_stream(str(path)) as stream,
        pytest.raises(FileFault, match="is not a gzip, as its name says"),
    ):
        stream.read()


def test_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with (
        pytest.raises(FileFault, match="cannot be read: No such file or directory"),
        byte_stream(str(tmp_path / "absent")),
    ):
        pass


@pytest.mark.parametrize("error", [OSError(5, "input error"), BadZipFile("bad zip")])
def test_what_the_system_refuses_is_a_fault(error: Exception) -> None:
    with pytest.raises(FileFault, match=r"cannot be read: .*(input error|bad zip)"):
        with file_faults():
            raise error
