"""Encodings are guessed from bytes, and decode them."""

import codecs

import pytest

from shardline.components.readers.files.formats.csv.guessing.encodings import (
    decoded,
    guess_encoding,
)

TEXT = "título;año\nÉl camino;1995\n"


@pytest.mark.parametrize(
    ("data", "name", "is_certain"),
    [
        (b"plain", "utf-8", True),
        (TEXT.encode(), "utf-8", True),
        (TEXT.encode("utf-8-sig"), "utf-8", True),
        (TEXT.encode("utf-16"), "utf-16", True),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16", True),
        (TEXT.encode("utf-16-le"), "utf-16-le", True),
        (TEXT.encode("utf-16-be"), "utf-16-be", True),
        (TEXT.encode("utf-32"), "utf-32", True),
        (TEXT.encode("latin-1"), "latin-1", False),
        (("€ " + TEXT).encode("cp1252"), "cp1252", False),
    ],
)
def test_encoding_is_guessed_and_gives_the_text(
    data: bytes, name: str, is_certain: bool
) -> None:
    encoding = guess_encoding(data)

    assert (encoding.name, encoding.is_certain) == (name, is_certain)
    assert decoded(data, encoding.name).removeprefix("€ ") in (TEXT, "plain")


def test_character_that_is_cut_does_not_count() -> None:
    assert guess_encoding("año".encode()[:2]).name == "utf-8"
    assert guess_encoding("año".encode()[:2] + b"x").name == "latin-1"


def test_text_in_other_letters_is_said_to_be_uncertain() -> None:
    reason = guess_encoding("товар;цена\n".encode("cp1251")).reason

    assert "cp1251" in reason
    assert reason.startswith("byte 0xf2 at 0 is no UTF-8")
