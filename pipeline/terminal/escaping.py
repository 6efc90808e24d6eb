"""Everything that is printed or logged passes here, and control characters are escaped.

A name or value of the data could hold escape codes that a terminal obeys. Messages and
tables show such names by `configs.shown`; what comes through all the same is escaped
here. Markup and emoji codes in data have no effect unless a caller asks for markup.
"""

import codecs
import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from shardline.configs.shown import escaped

_BLOCK_BYTES = 1 << 16
_LAST_LINES_S = 5.0


class EscapingConsole(Console):
    """A rich console that escapes what is not printable, apart from its own codes."""

    def __init__(self, **options: Any):
        """Makes a console with the options of a rich Console."""
        super().__init__(emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Returns a string as it is printed, escaped before it is measured."""
        return super().render_str(escaped(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yields what is printed: text escaped, the console's own control codes not."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(escaped(segment.text), segment.style)


def print_json(value: Any) -> None:
    """Prints JSON in ASCII, in which everything that is not printable is escaped."""
    print(json.dumps(value, indent=2).replace("\x7f", "\\u007f"))


def log_to_terminal(name: str, level: int, *, others_level: int) -> None:
    """Writes log messages to stderr, escaped, each with its time.

    Args:
        name: the name of the logger whose messages matter most, with all below it.
        level: the lowest level of its messages that is written.
        others_level: the lowest level of the messages of all other loggers.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_EscapingFormatter("%(asctime)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=others_level)
    logging.getLogger(name).setLevel(level)


class _EscapingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return escaped(super().format(record), keep="\n\t")


@contextlib.contextmanager
def escaped_log(path: Path, *, is_shown: bool) -> Iterator[IO[bytes]]:
    """Opens a log for another process to write to, and escapes what it writes.

    Args:
        path: the path of the log file.
        is_shown: whether the log is also written to stdout.
    """
    read_end, write_end = os.pipe()
    files = [path.open("wb")]
    if is_shown:
        files.append(open(1, "wb", closefd=False))
    relay = threading.Thread(target=_relay, args=(read_end, files), daemon=True)
    relay.start()
    try:
        with open(write_end, "wb", buffering=0) as stream:
            yield stream
    finally:
        # A process that the other one started may outlive it, and hold the log open.
        relay.join(_LAST_LINES_S)


def _relay(read_end: int, files: Sequence[IO[bytes]]) -> None:
    """Copies until no process has the log open, also if the terminal is closed."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="backslashreplace")
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, read_end)
        for file in files:
            stack.callback(_ignoring_errors, file.close)
        is_last = False
        while not is_last:
            block = os.read(read_end, _BLOCK_BYTES)
            is_last = not block
            text = escaped(decoder.decode(block, is_last), keep="\n\t").encode()
            for file in files:
                _ignoring_errors(file.write, text)
                _ignoring_errors(file.flush)


def _ignoring_errors(write: Callable[..., Any], *arguments: Any) -> None:
    with contextlib.suppress(OSError):
        write(*arguments)
