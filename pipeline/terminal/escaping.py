"""The one way out to a terminal: nothing that data hold is obeyed there.

Messages and tables show names and values by `configs.shown`; what comes through all
the same is escaped here, and neither markup nor emoji codes of data mean anything
unless a caller asks for markup.
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
    """A console that escapes what is no print, but for its own colours and lines."""

    def __init__(self, **options: Any):
        """Takes the options of a rich Console."""
        super().__init__(emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Returns a string as it is printed, escaped before it is measured."""
        return super().render_str(escaped(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yields what is printed, escaped; controls of the console itself as is."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(escaped(segment.text), segment.style)


def print_json(value: Any) -> None:
    """Prints JSON in ASCII, which escapes all that is no print."""
    print(json.dumps(value, indent=2).replace("\x7f", "\\u007f"))


def log_to_terminal(level: int, own_level: int, own: str) -> None:
    """Sends what loggers say to stderr, escaped, each with its time.

    Args:
        level: from which on all say something.
        own_level: from which on one does.
        own: that one.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Escaping("%(asctime)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=level)
    logging.getLogger(own).setLevel(own_level)


class _Escaping(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return escaped(super().format(record), keep="\n\t")


@contextlib.contextmanager
def escaped_log(path: Path, *, is_shown: bool) -> Iterator[IO[bytes]]:
    """Opens a log for another process to write to, what it writes escaped.

    Args:
        path: of the file.
        is_shown: whether the log is shown on stdout, too.
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
        # What that process has started may outlive it, and hold the log open.
        relay.join(_LAST_LINES_S)


def _relay(read_end: int, files: Sequence[IO[bytes]]) -> None:
    """Copies until all writers are gone, whatever becomes of a terminal."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="backslashreplace")
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, read_end)
        for file in files:
            stack.callback(_tried, file.close)
        is_last = False
        while not is_last:
            block = os.read(read_end, _BLOCK_BYTES)
            is_last = not block
            text = escaped(decoder.decode(block, is_last), keep="\n\t").encode()
            for file in files:
                _tried(file.write, text)
                _tried(file.flush)


def _tried(write: Callable[..., Any], *arguments: Any) -> None:
    with contextlib.suppress(OSError):
        write(*arguments)
