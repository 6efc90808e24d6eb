"""Tables on a terminal; no word in them is broken, however narrow the terminal is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_INDENT = "  "
_UNBROKEN = "\u00a0"
_WIDE = 100_000  # more than any table


def print_table(table: Table, console: Console) -> None:
    """Prints a table; if it is too wide, prints the cells of each row as lines of text.

    Args:
        table: its first column names the rows; columns without `no_wrap` may be broken
            between words.
        console: the console to print to.
    """
    if table.title:
        console.print(_text(table.title), style="table.title", soft_wrap=True)
        table.title = None
    if _fits(table, console):
        console.print(table)
        return
    headers = [" ".join(_text(c.header).plain.split()) for c in table.columns]
    for row in zip(*(column.cells for column in table.columns), strict=True):
        cells = [_text(cell) for cell in row]
        unnamed = [c for h, c in zip(headers[1:], cells[1:], strict=True) if not h]
        head = Text("  ").join([cell for cell in [cells[0], *unnamed] if cell.plain])
        console.print(head, style="bold", soft_wrap=True)
        for line in _lines(headers, cells, console.width):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _fits(table: Table, console: Console) -> bool:
    """Tells whether rich prints the table without breaking a word.

    Rich takes width away from several columns without regard to their words, and from
    a single flexible one between words.
    """
    natural = Measurement.get(console, console.options.update(max_width=_WIDE), table)
    if natural.maximum <= console.width:
        return True
    flexible = [column for column in table.columns if not column.no_wrap]
    if len(flexible) != 1:
        return False
    texts = [_text(cell).plain for cell in (flexible[0].header, *flexible[0].cells)]
    widest = max(cell_len(line) for text in texts for line in text.split("\n"))
    longest_word = max(cell_len(word) for text in texts for word in [*text.split(), ""])
    return natural.maximum - widest + longest_word <= console.width


def _lines(headers: list[str], cells: list[Text], width: int) -> Iterator[str]:
    """Yields the cells after the first as lines, broken between words."""
    pairs = [
        (header, cell.plain)
        for header, cell in zip(headers[1:], cells[1:], strict=True)
        if header and cell.plain
    ]
    if len(headers) == 2:
        parts = [line for _, value in pairs for line in value.splitlines()]
    else:
        parts = ["; ".join(_unbroken(f"{h}: {v}", width) for h, v in pairs)]
    for part in parts:
        lines = textwrap.wrap(
            part,
            width,
            initial_indent=_INDENT,
            subsequent_indent=2 * _INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        yield from (line.replace(_UNBROKEN, " ") for line in lines)


def _unbroken(pair: str, width: int) -> str:
    """Keeps a header and its value on one line if they fit."""
    pair = ", ".join(pair.split("\n"))
    return (
        pair.replace(" ", _UNBROKEN) if len(pair) < width - 2 * len(_INDENT) else pair
    )


def _text(cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else Text.from_markup(str(cell), emoji=False)
