"""Finding and opening files: folders, single files, archives, TensorFlow's places."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from shardline.components.readers.files import (
    BadInput,
    BadInputError,
    ReadSettings,
    Unit,
    match,
    read_unit,
)
from shardline.components.readers.files.locations import (
    facts_of,
    leftovers_said,
    matches,
    opened,
)
from shardline.configs.column import Column

FILES = ["a.csv", "b.csv", "day=1/c.csv", "day=1/x/d.csv", "day=2/c.csv", "notes.txt"]
PATTERNS = [
    ("*.csv", ["a.csv", "b.csv"]),
    ("[b-z].csv", ["b.csv"]),
    ("?.csv", ["a.csv", "b.csv"]),
    ("a.csv", ["a.csv"]),
    ("day=*/*.csv", ["day=1/c.csv", "day=2/c.csv"]),
    ("day=1/**/*.csv", ["day=1/c.csv", "day=1/x/d.csv"]),
    ("**", FILES),
    ("**/c.csv", ["day=1/c.csv", "day=2/c.csv"]),
]

# What Spark, Hive and the file systems below them leave, and which files are data.
WRITTEN = [
    ".part-0.csv.crc",
    "._SUCCESS.crc",
    "_SUCCESS",
    "_temporary/0/part-1.csv",
    "day=1/.hidden/part-0.csv",
    "day=1/_metadata",
    "day=1/part-0.csv",
    "part-0.csv",
]
LEFTOVERS = [
    ("*", ["part-0.csv"], 3),
    ("**", ["day=1/part-0.csv", "part-0.csv"], 6),
    ("**/*.csv", ["day=1/part-0.csv", "part-0.csv"], 2),
    ("*.csv", ["part-0.csv"], 0),
    ("day=*/*", ["day=1/part-0.csv"], 1),
    ("{SPAN}/*", ["day=1/part-0.csv"], 1),
    ("_*", ["_SUCCESS"], 0),
    (".*", [".part-0.csv.crc", "._SUCCESS.crc"], 0),
    ("_temporary/**/*.csv", ["_temporary/0/part-1.csv"], 0),
    ("day=1/.hidden/*", ["day=1/.hidden/part-0.csv"], 0),
    ("day=1/**/_*", ["day=1/_metadata"], 0),
]


@pytest.fixture
def stored(buckets: Any) -> str:
    """A folder in an object store."""
    return f"{buckets.new('data')}/files"


@pytest.mark.parametrize(("pattern", "found"), PATTERNS)
def test_pattern_finds_files_in_folders(
    pattern: str, found: list[str], write: Callable[..., str], tmp_path: Path
) -> None:
    for name in FILES:
        write(f"data/{name}", b"x")
    root = tmp_path / "data"
    assert match(str(root), pattern) == [f"{root}/{name}" for name in found]


@pytest.mark.parametrize("is_zip", [False, True])
@pytest.mark.parametrize(("pattern", "found", "left_out"), LEFTOVERS)
def test_leftovers_of_writers_are_left_out(
    pattern: str,
    found: list[str],
    left_out: int,
    is_zip: bool,
    write: Callable[..., str],
    tmp_path: Path,
) -> None:
    root = f"{tmp_path}/data"
    for name in WRITTEN:
        write(f"data/{name}", b"x")
    if is_zip:
        with zipfile.ZipFile(f"{root}.zip", "w") as archive:
            for name in WRITTEN:
                archive.writestr(name, name)
        root = f"{root}.zip!"

    files, leftovers = matches(root.removesuffix("!"), pattern)

    assert files == sorted(f"{root}/{name}" for name in found)
    assert len(leftovers) == left_out
    assert not set(files) & set(leftovers)


def test_leftovers_in_an_object_store_are_left_out(stored: str) -> None:
    for name in WRITTEN:
        with tf.io.gfile.GFile(f"{stored}/{name}", "w") as file:
            file.write("x")
    assert match(stored, "**") == [f"{stored}/day=1/part-0.csv", f"{stored}/part-0.csv"]


def test_leftovers_alone_are_an_error(
    write: Callable[..., str], tmp_path: Path
) -> None:
    for name in ("_SUCCESS", ".part-0.csv.crc"):
        write(f"data/{name}", b"x")
    with pytest.raises(BadInputError) as error:
        match(f"{tmp_path}/data", "*")
    assert str(error.value) == (
        f"{tmp_path}/data: 2 files whose names begin with `_` or `.` left out, such as "
        f"{tmp_path}/data/.part-0.csv.crc, and no other file matches `*`. Write `_` or "
        "`.` in `data.files.splits` where such names are meant."
    )


def test_file_that_is_named_itself_is_none(write: Callable[..., str]) -> None:
    file = write("_a.csv", b"x")
    assert matches(file, "*") == ([file], [])
    assert leftovers_said([file]) == (
        f"1 file whose name begins with `_` or `.` left out, such as {file}"
    )


def test_outputs_of_a_run_are_no_data(
    write: Callable[..., str], tmp_path: Path
) -> None:
    for name in ("a.gz", "runs/x/metadata.sqlite", "runs/x/artifacts/G/1/part.gz"):
        write(f"data/{name}", b"x")

    assert match(str(tmp_path / "data"), "**/*.gz") == [f"{tmp_path}/data/a.gz"]
    assert match(str(tmp_path / "data/runs/x"), "**/*.gz") != []


@pytest.mark.parametrize(("pattern", "found"), PATTERNS)
def test_pattern_finds_members_of_archives(
    pattern: str, found: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("day=1")
        for name in FILES:
            archive.writestr(name, name)
    members = match(str(path), pattern)
    assert members == [f"{path}!/{name}" for name in found]
    assert [opened(m).read().decode() for m in members] == found


def test_archive_may_be_in_an_object_store(tmp_path: Path, stored: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in FILES:
            archive.writestr(name, name * 1000)
    tf.io.gfile.copy(str(tmp_path / "a.zip"), f"{stored}/a.zip")

    members = match(f"{stored}/a.zip", "day=*/*.csv")

    assert members == [
        f"{stored}/a.zip!/day=1/c.csv",
        f"{stored}/a.zip!/day=2/c.csv",
    ]
    with opened(members[0]) as member:
        assert member.read().decode() == "day=1/c.csv" * 1000
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        information = archive.getinfo("day=1/c.csv")
    assert facts_of(members[0]) == f"11000 {information.CRC:08x}"


def test_data_that_may_not_be_read_are_an_error(stored: str, buckets: Any) -> None:
    buckets.close("data")

    with pytest.raises(
        BadInputError, match=r"files: cannot be read: .*access to bucket data denied"
    ):
        match(stored, "*.csv")


@pytest.mark.parametrize(("pattern", "found"), PATTERNS)
def test_pattern_finds_remote_files(
    pattern: str, found: list[str], stored: str
) -> None:
    for name in FILES:
        tf.io.gfile.makedirs(f"{stored}/{name}".rpartition("/")[0])
        tf.io.gfile.GFile(f"{stored}/{name}", "w").write(name)
    places = match(f"{stored}/", pattern)
    assert places == [f"{stored}/{name}" for name in found]
    assert match(f"{stored}/a.csv", "*.csv") == [f"{stored}/a.csv"]


def test_path_may_be_one_file(write: Callable[..., str]) -> None:
    file = write("a.csv", b"x")
    assert match(file, "*.csv") == [file]


def test_pattern_without_files_names_what_is_there(
    write: Callable[..., str], tmp_path: Path
) -> None:
    for number in range(12):
        file = write(f"{number:02}.csv", b"x")
    with pytest.raises(
        BadInputError,
        match=r"no file matches `\*\.parquet`; there is 00.csv, .*, 09.csv and 2 more. "
        r"Correct `data.files.splits` or `data.path`",
    ):
        match(str(tmp_path), "*.parquet")
    with pytest.raises(BadInputError, match=r"matches `train/\*`; there is 11.csv\."):
        match(file, "train/*")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError, match=r"there is nothing\."):
        match(str(tmp_path / "empty"), "*")


@pytest.mark.parametrize("path", ["none", "bucket://none/at/all"])
def test_missing_path_is_an_error(path: str, tmp_path: Path, buckets: Any) -> None:
    place = path if "://" in path else str(tmp_path / path)
    with pytest.raises(
        BadInputError, match=rf"{path}: cannot be read: [Nn]o such file.*`data.path`"
    ):
        match(place, "*")


def test_folder_that_cannot_be_listed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(BadInputError, match="cannot be read: Permission denied"):
        match(str(tmp_path), "*")


ROWS = [{"a": i, "b": "x"} for i in range(20)]


@pytest.mark.parametrize("kind", ["archive", "remote"])
@pytest.mark.parametrize(
    "name", ["a.tfrecord", "a.tfrecord.gz", "a.csv", "a.csv.gz", "a.parquet"]
)
def test_files_elsewhere_are_read(
    name: str, kind: str, write: Callable[..., str], tmp_path: Path, stored: str
) -> None:
    content = Path(write(name, ROWS)).read_bytes()
    tf.io.gfile.makedirs(stored)
    if kind == "archive":
        place = str(tmp_path / "a.zip")
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"in/{name}", content)
    else:
        place = stored
        tf.io.gfile.makedirs(f"{stored}/in")
        with tf.io.gfile.GFile(f"{stored}/in/{name}", "wb") as file:
            file.write(content)
    format_ = name.removesuffix(".gz").rpartition(".")[2]
    settings = ReadSettings(format_, {"a": Column("int64")})
    (found,) = match(place, f"**/{name}")
    read = read_unit(Unit(found), settings, BadInput())
    assert [n for _, b in read for n in b.column(0).flatten().to_pylist()] == list(
        range(20)
    )


@pytest.mark.parametrize("format_", ["tfrecord", "csv", "parquet"])
def test_missing_member_and_missing_remote_file_are_errors(
    format_: str, tmp_path: Path, buckets: Any
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("there", "x")
    settings = ReadSettings(format_, {"a": Column("int64")})
    for place in (f"{path}!/none", "bucket://none/none"):
        with pytest.raises(BadInputError, match=r"none: cannot be read: .*may read"):
            list(read_unit(Unit(place), settings, BadInput()))


def test_damaged_archive_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "a\n" + "1\n" * 100)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"1\n1\n", b"2\n1\n", 1))
    settings = ReadSettings("csv", {"a": Column("int64")})
    with pytest.raises(BadInputError, match=r"a.csv: cannot be read: Bad CRC-32"):
        list(read_unit(Unit(f"{path}!/a.csv"), settings, BadInput()))


def test_folder_with_the_mark_of_archives_is_a_folder(
    write: Callable[..., str], tmp_path: Path
) -> None:
    file = write("odd!/a.csv", b"a\n1\n")
    assert match(str(tmp_path), "**/*.csv") == [file]
    with opened(file) as source:
        assert source.read() == b"a\n1\n"


@pytest.mark.parametrize("size", [0, 10, 100_000, 1 << 20])
def test_facts_change_with_any_byte_and_not_with_the_date(
    size: int, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    content = bytearray(os.urandom(size))
    path.write_bytes(content)
    before = facts_of(str(path))

    os.utime(path, ns=(1, 1))
    assert facts_of(str(path)) == before
    for place in {0, size // 3, size // 2, size - 1} if size else ():
        changed = content.copy()
        changed[place] ^= 1
        path.write_bytes(changed)
        assert facts_of(str(path)) != before
    path.write_bytes(content + b"x")
    assert facts_of(str(path)) != before


def test_facts_of_a_large_file_change_when_it_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(os.urandom(5 << 20))
    before = facts_of(str(path))

    path.write_bytes(os.urandom(5 << 20))

    assert facts_of(str(path)) != before


def test_facts_of_a_member_and_of_a_remote_file_follow_their_content(
    tmp_path: Path, stored: str
) -> None:
    facts = set()
    for text in ("1", "2"):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("a.csv", text)
        facts.add(facts_of(f"{tmp_path}/a.zip!/a.csv"))
    for text in ("1", "22"):
        with tf.io.gfile.GFile(f"{stored}/facts", "w") as file:
            file.write(text)
        facts.add(facts_of(f"{stored}/facts"))

    assert len(facts) == 4
