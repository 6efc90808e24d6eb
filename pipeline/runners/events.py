"""What a pipeline process reports to the process that started it: lines of JSON.

The pipeline runs in a process of its own: its output, mostly that of libraries, goes to
a log file, and a crash of native code cannot take the report with it.
"""

import dataclasses
import json
import logging
from collections.abc import Iterator
from typing import IO, Any, Literal

Kind = Literal["began", "started", "finished", "progress", "failed", "summary"]


@dataclasses.dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: "began" is of a pipeline run of several, "started" and "finished" are of a
            component, "progress" says how far one is; "failed" ends the process's work,
            and so does "summary", which ends it well.
        component: the component's id; of "progress", the name of the logger.
        text: a line for people; of "finished", the component's state.
        values: the values of "summary", what to show, in order.
        result: what came of the run, for other programs; of the two that end it.
    """

    kind: Kind
    component: str = ""
    text: str = ""
    values: dict[str, str] = dataclasses.field(default_factory=dict)
    result: dict[str, Any] = dataclasses.field(default_factory=dict)


class EventWriter:
    """Sends events through a file, each as soon as it happens."""

    def __init__(self, file: IO[str]):
        """Takes a writable text file, such as one end of a pipe."""
        self._file = file

    def send(self, event: Event) -> None:
        """Writes one event.

        Raises:
            BrokenPipeError: if the reading process is gone; the pipeline must end then.
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
