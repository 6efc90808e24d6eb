"""Data that comes in spans, such as days, and what a run makes of the next one."""

from typing import Literal

from pydantic import Field

from shardline.configs.section import PositiveInt, Section
from shardline.configs.span_names import Every


class Spans(Section):
    """Which parts of the data a run trains on, one span after the other.

    Spans are the folders or files that `{SPAN}` stands for in the pattern of split
    `train` (and `{VERSION}`, if a span may be written again); or the periods of a time
    column; or those that the reader itself tells.
    """

    # A column of whole seconds since 1970, or of ISO 8601 dates and times. Without
    # `{SPAN}` in the pattern the data is cut by it; with it, each example must lie in
    # its span.
    column: str | None = Field(default=None, min_length=1)
    # How long a span is. Needed where a column cuts; else dates tell it.
    every: Every | None = None
    # Spans before this one do not count.
    first: str | None = Field(default=None, min_length=1)
    # Where a run without predecessor begins: walk through all spans, or train on the
    # newest window alone.
    begin: Literal["oldest", "newest"] = "oldest"
    # A run trains on the last so many spans.
    window: PositiveInt = 1
    # A span that is not there, though a later one is: wait for it, go on without it, or
    # end with an error.
    missing: Literal["wait", "skip", "fail"] = "wait"
