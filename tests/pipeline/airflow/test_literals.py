"""Values as a person would write them: they read back, and ruff has nothing to say."""

import ast
import datetime

import pytest

from shardline.pipeline.airflow.literals import (
    assignment,
    codes_literal,
    duration_literal,
    list_literal,
    text_literal,
)


@pytest.mark.parametrize(
    "text",
    ["/srv/shop", "it's", 'say "it"', 'it\'s "so"', "a\\b", "a\nb", "ü", "\udce9", ""],
)
def test_text_reads_back(text: str) -> None:
    written = text_literal(text)

    assert ast.literal_eval(written) == text
    assert "\n" not in written
    assert written.encode() != b""  # a name that is no UTF-8 can be written as well


def test_text_is_in_double_quotes_where_it_can() -> None:
    assert text_literal("/srv/shop") == '"/srv/shop"'
    assert text_literal("it's") == '"it\'s"'
    assert text_literal('say "it"') == "'say \"it\"'"


def test_exit_codes_read_back() -> None:
    codes = frozenset({3, 75, 129, 131, 140})

    written = codes_literal(codes)

    assert eval(written) == codes
    assert written.startswith("{3, 75, *range(129, 141)} - {130, 132, ")


def test_assignment_is_on_one_line_where_ruff_leaves_it() -> None:
    fits, is_longer, is_too_long = "x" * 79, "x" * 80, "x" * 83

    assert assignment("NAME", fits) == f'NAME = "{fits}"'
    assert assignment("NAME", is_longer) == f'NAME = (\n    "{is_longer}"\n)'
    assert assignment("NAME", is_too_long) == f'NAME = "{is_too_long}"'


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (1, "datetime.timedelta(seconds=1)"),
        (90, "datetime.timedelta(seconds=90)"),
        (900, "datetime.timedelta(minutes=15)"),
        (21600, "datetime.timedelta(hours=6)"),
        (86400, "datetime.timedelta(days=1)"),
        (90000, "datetime.timedelta(hours=25)"),
    ],
)
def test_duration_has_the_largest_unit_that_fits(seconds: int, written: str) -> None:
    duration = datetime.timedelta(seconds=seconds)

    assert duration_literal(duration) == written
    assert eval(written, {"datetime": datetime}) == duration


def test_list_is_on_one_line_up_to_the_margin() -> None:
    before = "    command = "
    word = f'"{"x" * (88 - len(before) - 4)}"'

    assert list_literal([word], before) == f"{before}[{word}]"
    assert list_literal([word + "x"], before) == (f"{before}[\n        {word}x,\n    ]")
    assert list_literal([], "COMPONENTS = ") == "COMPONENTS = []"
