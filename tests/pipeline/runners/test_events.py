"""Events through a pipe."""

import io
import json
import logging
import os

import pytest

from shardline.pipeline.runners.events import (
    Event,
    EventWriter,
    ProgressHandler,
    read_events,
)

EVENTS = [
    Event("started", "Trainer"),
    Event("progress", "shardline.trainer", "step 1 of 2\nwith a second line"),
    Event("finished", "Trainer", "done"),
    Event("failed", text="naïve “quotes” {braces}"),
    Event("summary", values={"AUC": "0.7", "Everything": "/out"}),
]


def test_events_come_out_as_they_went_in() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w") as file:
        writer = EventWriter(file)
        for event in EVENTS:
            writer.send(event)

    with os.fdopen(read_end) as file:
        assert list(read_events(file)) == EVENTS


def test_event_is_sent_at_once() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as reader, os.fdopen(write_end, "w") as file:
        EventWriter(file).send(EVENTS[0])

        assert json.loads(reader.readline())["component"] == "Trainer"


def test_order_of_the_summary_is_kept() -> None:
    file = io.StringIO()
    EventWriter(file).send(Event("summary", values={"b": "1", "a": "2"}))
    file.seek(0)

    (event,) = read_events(file)

    assert list(event.values) == ["b", "a"]


def test_reader_that_has_gone_away_ends_the_pipeline() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    file = os.fdopen(write_end, "w")

    with pytest.raises(BrokenPipeError):
        EventWriter(file).send(EVENTS[0])

    # What could not be sent is still in the buffer.
    with pytest.raises(BrokenPipeError):
        file.close()


def test_line_that_breaks_off_is_left_out() -> None:
    file = io.StringIO()
    EventWriter(file).send(EVENTS[0])
    file.write('{"kind": "finis')
    file.seek(0)

    assert list(read_events(file)) == [EVENTS[0]]


def test_what_components_log_becomes_progress() -> None:
    file = io.StringIO()
    logger = logging.getLogger("shardline.test")
    handler = ProgressHandler(EventWriter(file))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        logger.info("%d of %d", 1, 2)
        logger.debug("not for people")
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)

    file.seek(0)
    assert list(read_events(file)) == [Event("progress", "shardline.test", "1 of 2")]
