"""Names and values as a terminal may have them."""

import pytest

from shardline.configs.shown import escaped, quoted, shown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("Größe 東京 тест नमस्ते", "Größe 東京 тест नमस्ते"),
        ("\x1b[31mred\x07\x7f", r"\x1b[31mred\x07\x7f"),
        ("a\tb\nc\rd", r"a\tb\nc\rd"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("\u202eabc\u2066\u200b\ufeff", r"\u202eabc\u2066\u200b\ufeff"),
        ("\u2028\u2029\U000e0041", r"\u2028\u2029\U000e0041"),
        (b"caf\xc3\xa9 \x1b \xff", r"café \x1b \xff"),
        ("lone \ud800", r"lone \ud800"),
        (17, "17"),
        ("", ""),
    ],
)
def test_what_is_no_print_is_escaped(value: object, expected: str) -> None:
    assert shown(value) == expected
    assert shown(value).isprintable()


def test_long_values_are_cut_and_tell_their_length() -> None:
    assert shown("x" * 1000, 5) == "xxxxx... (1,000 characters)"
    assert shown("x" * 5, 5) == "xxxxx"
    assert shown("\x1b" * 3, 2) == r"\x1b\x1b... (3 characters)"


def test_text_is_quoted_and_numbers_are_not() -> None:
    assert quoted(b"a\x1b") == r"'a\x1b'"
    assert quoted("a", 3) == "'a'"
    assert quoted(2.5) == "2.5"


def test_messages_keep_their_lines() -> None:
    assert escaped("one\ntwo\x1b\t") == "one\ntwo\\x1b\\t"
    assert escaped("one\ttwo\x1b", keep="\t") == "one\ttwo\\x1b"
