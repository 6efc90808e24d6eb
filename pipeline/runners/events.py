"""What a pipeline process tells the process that started it, as lines of JSON.

The pipeline runs in a process of its own: its output, mostly that of libraries, goes to
a log file, and a crash of native code cannot take the report with it.
"""

import dataclasses
import json
import logging
from collections.abc import Iterator
from typing import IO, Any, Literal

Kind = Literal["started", "finished", "progress", "failed", "summary"]


@dataclasses.dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: started, finished: a component; progress: a component tells how far it is;
            failed: the run is over; summary: the run is over and well.
        component: the component's id, or the logger's name for progress.
        text: for people; of `finished`, how: "done" or "reused".
        values: of `summary`, the facts to show, in order.
    """

    kind: Kind
    component: str = ""
    text: str = ""
    values: dict[str, str] = dataclasses.field(default_factory=dict)


class EventWriter:
    """Sends events through a file, each at once."""

    def __init__(self, file: IO[str]):
        """Takes a writable text file, such as one end of a pipe."""
        self._file = file

    def send(self, event: Event) -> None:
        """Writes one event.

        Raises:
            BrokenPipeError: if nobody reads any more; the pipeline is to end then.
        """
        self._file.write(json.dumps(dataclasses.asdict(event)) + "\n")
        self._file.flush()


class ProgressHandler(logging.Handler):
    """Turns what the project's components log into events."""

    def __init__(self, writer: EventWriter):
        """Sends to `writer`."""
        super().__init__(logging.INFO)
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Sends one record."""
        self._writer.send(Event("progress", record.name, record.getMessage()))


def read_events(file: IO[str]) -> Iterator[Event]:
    """Yields events until the writing side closes, or dies within a line."""
    for line in file:
        if not line.endswith("\n"):
            return
        values: dict[str, Any] = json.loads(line)
        yield Event(**values)
