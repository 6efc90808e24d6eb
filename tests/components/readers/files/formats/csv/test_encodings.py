"""Bytes that are no text of an encoding, and what else a dialect may be wrong in."""

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.components.readers.files import (
    BadInput,
    BadInputError,
    ReadSettings,
    Unit,
    match,
    read_unit,
)
from shardline.components.readers.files.formats.csv import encodings
from shardline.components.readers.files.formats.csv import text as csv_text
from shardline.components.readers.files.heads import head_of, rows_up_to
from shardline.configs.column import Column
from shardline.configs.dialect import Dialect

COLUMNS = {"item": Column("string", optional=True), "n": Column("int64", optional=True)}


def read(file: str, dialect: Dialect) -> tuple[list[tuple], BadInput]:
    bad = BadInput("skip", "skip")
    settings = ReadSettings("csv", COLUMNS, dialect=dialect, on_bad_file="skip")
    batches = [batch for _, batch in read_unit(Unit(file), settings, bad)]
    rows = [row for batch in batches for row in batch.to_pylist()]
    return [(row["item"], row["n"]) for row in rows], bad


@pytest.mark.parametrize("block_bytes", [1, 2, 7, 1 << 18])
@pytest.mark.parametrize(
    ("encoding", "bad_bytes", "text"),
    [
        ("ascii", b"\xe9", "é,1\n"),
        ("cp1252", b"\x81", "é,1\n"),
        ("shift_jis", b"\x80", "日本,1\n"),
        ("utf-16-le", b"\x00\xdc", "é😀,1\n"),
        ("gb18030", b"\xff", "日本😀,1\n"),
    ],
)
def test_byte_that_is_no_text_ends_the_file_where_it_is(
    encoding: str,
    bad_bytes: bytes,
    text: str,
    block_bytes: int,
    write: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encodings, "_BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(csv_text, "_CHUNK_BYTES", 1)
    text = text if encoding != "ascii" else "x,1\n"
    before = f"item,n\n{text * 3}".encode(encoding)
    content = before + bad_bytes + text.encode(encoding)
    rows, bad = read(write("a.csv", content), Dialect(encoding=encoding))
    assert rows == [([text.partition(",")[0].encode()], [1])] * 3
    (said,) = bad.files.values()
    # A character of two bytes or more is bad at one of them.
    places = [f" at {len(before) + i:,}, which is no text in" for i in range(2)]
    assert any(place in said for place in places), said
    assert said.startswith("holds byte ")
    assert "Correct `data.files.dialect.encoding`" in said


def test_end_within_a_character_is_told(write: Callable[..., str]) -> None:
    content = "item,n\nx,1\ny,2".encode("utf-16-le")[:-1]
    rows, bad = read(write("a.csv", content), Dialect(encoding="utf-16-le"))
    assert rows == [([b"x"], [1])]
    (said,) = bad.files.values()
    assert said.startswith("ends within a character of utf-16-le, after 27 bytes.")


@pytest.mark.parametrize(
    ("content", "dialect", "told"),
    [
        (b"\xff\xfei\0", Dialect(), r"is text in UTF-16, .* `.*: {encoding: utf-16}`"),
        (b"it\xe9m,n\nx,1\n", Dialect(), "header line is not UTF-8: .*dialect.encodi"),
        (b"item;n\nx;1\n", Dialect(delimiter="\t"), r"semicolons in it, 'item;n'; c"),
        (b"item;m\nx;1\n", Dialect(delimiter=";"), r"whose cells are parted by semic"),
        (b"item::m\n1::1\n", Dialect(delimiter="::"), r"are parted by `::`"),
        (b"x,1\n", Dialect(header=("item", "m")), r"`data.files.dialect.header` names"),
        (b"item,n\nx,1\n", Dialect(header=("item", "n")), "names the columns that"),
        (b"PAR1\x15\x04", Dialect(header=("item", "n")), "is a Parquet file"),
        (b"i\0\0", Dialect(header=("item", "n")), "is no text, for its first line"),
    ],
)
def test_file_of_another_dialect_is_told(
    content: bytes, dialect: Dialect, told: str, write: Callable[..., str]
) -> None:
    file = write("a.csv", content)
    settings = ReadSettings("csv", COLUMNS, dialect=dialect)
    with pytest.raises(BadInputError, match=told):
        list(read_unit(Unit(file), settings, BadInput()))


@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r"])
def test_lines_are_those_of_the_file(
    end: str,
    chunk_bytes: int,
    write: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also behind escaped line breaks, and where no line is the header."""
    monkeypatch.setattr(csv_text, "_CHUNK_BYTES", chunk_bytes)
    dialect = Dialect(delimiter="::", escape="\\", header=("item", "n"))
    lines = ["a\\", "b::1", "x::bad", "y::2::3", "", '"p', 'q"::bad', 'z::"open']
    file = write("a.csv", end.join([*lines, "w::9"]).encode())
    settings = ReadSettings("csv", COLUMNS, dialect=dialect, on_bad_example="skip")
    bad = BadInput("skip")
    batches = [batch for _, batch in read_unit(Unit(file), settings, bad)]
    items = [row["item"] for batch in batches for row in batch.to_pylist()]
    assert items == [[f"a{end}b".encode()], [b"w"]]
    assert {n for first in bad.first.values() for _, n, _ in first} == {3, 4, 6, 8}


def test_escape_at_the_end_is_itself(write: Callable[..., str]) -> None:
    rows, _ = read(write("a.csv", b"n,item\n1,x\\"), Dialect(escape="\\"))
    assert rows == [([b"x\\"], [1])]


def test_words_for_missing_are_as_empty_cells(write: Callable[..., str]) -> None:
    dialect = Dialect(delimiter="\t", quote="none", missing=("NA", "\\N", "null"))
    file = write("a.csv", b"item\tn\nNA\t1\n\\N\t NA \nNAN\tnull\n null\t3\n")
    rows, bad = read(file, dialect)
    assert not bad.rows
    assert rows == [([], [1]), ([], []), ([b"NAN"], []), ([b" null"], [3])]


def test_escape_stays_before_the_rest_of_a_word(write: Callable[..., str]) -> None:
    """As dumps of MySQL have it, with tabs and line breaks of text escaped.

    Text that is the word itself, its escape escaped, cannot be told from it.
    """
    dialect = Dialect(delimiter="\t", quote="none", escape="\\", missing=("\\N",))
    text = b"item\tn\n\\N\t1\na\\\tb\\\nc\\\\N\t\\N\nN\t3\n\\\\N\t4\n\\x\t5\n"
    rows, bad = read(write("a.csv", text), dialect)
    assert not bad.rows
    items = [item for item, _ in rows]
    assert items == [[], [b"a\tb\nc\\N"], [b"N"], [], [b"x"]]
    assert [n for _, n in rows] == [[1], [], [3], [4], [5]]


def test_row_of_delimiters_alone_is_a_row(write: Callable[..., str]) -> None:
    """In whatever chunk it stands, for tabs and blanks are no blank line then."""
    for delimiter in "\t ":
        file = write("a.csv", f"item{delimiter}n\n{delimiter}\n\n{delimiter}7".encode())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(csv_text, "_CHUNK_BYTES", 1)
            rows, bad = read(file, Dialect(delimiter=delimiter))
        assert rows == [([], []), ([], [7])]
        assert not bad.rows


def test_dialect_holds_in_archives_and_gzip(tmp_path: Path) -> None:
    text = "".join(f"x{i}¦{i}\r" for i in range(50)).encode("cp1252")
    dialect = Dialect(delimiter="¦", header=("item", "n"), encoding="cp1252")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/a.csv", text)
        archive.writestr("in/b.csv.gz", gzip.compress(text))
    settings = ReadSettings("csv", COLUMNS, dialect=dialect)
    for pattern in ("in/*.csv", "in/*.gz"):
        (file,) = match(str(tmp_path / "a.zip"), pattern)
        rows, _ = read(file, dialect)
        assert rows == [([f"x{i}".encode()], [i]) for i in range(50)]
        assert head_of(file, settings).has_rows
        assert rows_up_to([file], settings, 1000) == 50
