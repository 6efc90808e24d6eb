"""Files are found in folders and archives, with the format of each."""

import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from shardline.components.drafter.errors import DraftError
from shardline.components.drafter.found_files import find, pattern_of


def fill(folder: Path) -> None:
    (folder / "day=1").mkdir()
    (folder / "a.csv").write_text("a,b\n1,2\n")
    (folder / "README.md").write_text("Read me.")
    (folder / "_SUCCESS").write_text("")
    (folder / ".a.csv.crc").write_text("crc")
    (folder / "empty.csv").write_text("")
    (folder / "page.html").write_text("<!DOCTYPE html><html></html>")
    (folder / "rows.txt").write_text('{"a": 1}\n')
    (folder / "zipped.csv").write_bytes(b"\x1f\x8b\x08\0")
    pq.write_table(pa.table({"a": [1]}), folder / "day=1" / "x")
    with tf.io.TFRecordWriter(str(folder / "day=1" / "y")) as writer:
        writer.write(b"x")


def test_files_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    monkeypatch.chdir(tmp_path.parent)

    found = find([tmp_path.name])

    assert found.path == tmp_path.name
    assert {file.name: file.format for file in found.files} == {
        "a.csv": "csv",
        "day=1/x": "parquet",
        "day=1/y": "tfrecord",
    }
    assert found.left_out == {
        "empty.csv": "is empty",
        "page.html": "is a page or document, and no table",
        "rows.txt": "is JSON: write it as Parquet, by pandas for example",
        "zipped.csv": "is a gzip: name it with `.gz` at the end",
    }


def test_files_of_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("ml/a.csv", "a,b\n1,2\n")

    found = find([str(tmp_path / "a.zip")])

    assert found.path == str(tmp_path / "a.zip")
    assert [file.name for file in found.files] == ["ml/a.csv"]
    with pytest.raises(DraftError, match="must be the only argument"):
        find([str(tmp_path / "a.zip"), str(tmp_path)])


def test_path_is_the_common_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.csv").write_text("a,b\n1,2\n")
    monkeypatch.chdir(tmp_path)

    assert find(["x/a.csv"]).path == "x"
    assert find(["x/a.csv", "y/a.csv"])[0] == "."
    assert [file.name for file in find(["x/a.csv", "y"]).files] == [
        "x/a.csv",
        "y/a.csv",
    ]
    assert find([str(tmp_path / "x"), "y"]).path == str(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("absent", None, "cannot be read: No such file or directory"),
        ("a.csv", b"", "there is no file of examples: a.csv is empty"),
        ("a.csv", b" \n\n", "a.csv is empty"),
        ("a.csv", b"<html>", "a.csv is a page or document"),
        ("a.csv.gz", b"no gzip", "a.csv.gz "),
    ],
)
def test_no_file_is_an_error(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(DraftError, match=said):
        find([str(tmp_path / name)])


@pytest.mark.parametrize(
    ("names", "others", "pattern"),
    [
        (["a.csv"], ["b.csv"], "a.csv"),
        (["a[1].csv"], [], "a[[]1].csv"),
        (["part-0.csv", "part-1.csv"], ["users.csv"], "part-*.csv"),
        (["part-09.csv", "part-10.csv"], [], "part-*.csv"),
        (["x/a.csv", "y/a.csv"], ["x/b.csv"], "*/a.csv"),
        (["a.csv", "c.csv"], ["b.csv"], None),
        (["a.csv", "x/a.csv"], [], None),
    ],
)
def test_pattern_names_files_and_no_others(
    names: list[str], others: list[str], pattern: str | None
) -> None:
    assert pattern_of(names, others) == pattern
