"""Ids are found where they stand by themselves, and blackened in text."""

from pathlib import Path

import pytest
from shardline_tests import load

from shardline.components.eraser.text import Blackening, Finder

scope_of_users = load("components/eraser/scopes.py").scope_of_users
MANY = [b"other-%d" % n for n in range(100)]


@pytest.mark.parametrize("others", [[], MANY])
@pytest.mark.parametrize(
    ("content", "count"),
    [
        (b"ann-17", 1),
        (b"of ann-17, and ann-17.", 2),
        (b'{"user":"ann-17"}', 1),
        (b"ann-171", 0),
        (b"joann-17", 0),
        (b"ann-17-b", 0),
        (b"ann-17 -b", 1),
        (b"x-ann-17", 0),
        (b"path/ann-17", 1),
        (b"\n\x06ann-17\x12", 1),
        (b"\x00ann-17\xff", 0),
        (b"\x06ann-17\xff", 1),
        (b"\x07ann-17\xff", 0),
    ],
)
def test_ids_that_stand_by_themselves_are_found(
    content: bytes, count: int, others: list[bytes]
) -> None:
    finder = Finder([b"ann-17", *others])

    assert len(set(finder.spans(content))) == count
    assert finder.is_in(content) is (count > 0)


@pytest.mark.parametrize("others", [[], MANY])
def test_length_before_an_id_is_no_part_of_it(others: list[bytes]) -> None:
    long = b"u" + b"1" * 48  # a length of 49 is the letter "1"
    finder = Finder([long, *others])

    assert finder.is_in(b"\n1" + long + b"\x12")
    assert not finder.is_in(b"\n2" + long + b"\x12")


@pytest.mark.parametrize("others", [[], MANY])
@pytest.mark.parametrize(
    ("one", "written"),
    [
        ("zoë-2020", '"zo\\u00eb-2020"'),
        ('a"b-2020', '"a\\"b-2020"'),
        ("***#1", "***#1"),
        ("###***", "###***"),
    ],
)
def test_ids_are_found_as_json_writes_them(
    one: str, written: str, others: list[bytes]
) -> None:
    finder = Finder([one.encode(), *others])

    assert finder.is_in(f"[{written}]".encode())


def test_plain_ids_are_blackened_in_lines_of_their_column_only() -> None:
    blackening = Blackening(scope_of_users(b"17", b"ann-2020"))

    assert blackening.of("step 17 of ann-2020") == "step 17 of [erased]"
    assert blackening.of("`user_id`: 17, 171") == "`user_id`: [erased], 171"
    assert blackening.of("column `movie_id`: 17") == "column `movie_id`: 17"
    assert blackening.of("nothing \udcff") == "nothing \udcff"


def test_plain_ids_are_blackened_in_lines_on_side_files() -> None:
    blackening = Blackening(scope_of_users(b"17", names=frozenset(["users", "uid"])))

    assert blackening.of("1 example without a row in `users`: keys such as '17'") == (
        "1 example without a row in `users`: keys such as '[erased]'"
    )
    assert blackening.of("users.csv, line 3: key '17'") == (
        "users.csv, line 3: key '[erased]'"
    )
    assert blackening.of("two rows of `items` have the key '17'") == (
        "two rows of `items` have the key '17'"
    )


def test_file_is_blackened_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "run.log"
    file.write_bytes(b"user_id 17\n\xffstep 17\nann-2020\n")
    blackening = Blackening(scope_of_users(b"17", b"ann-2020"))

    assert blackening.in_file(file, is_dry_run=True).lines == 2
    assert b"ann-2020" in file.read_bytes()
    assert blackening.in_file(file).lines == 2
    assert file.read_bytes() == b"user_id [erased]\n\xffstep 17\n[erased]\n"
    assert not blackening.in_file(file)
