"""The spans that are there, as the reader of a run tells."""

import json

from shardline.components.execution.import_path import construct
from shardline.components.readers.span_reader import FoundSpan, SpanReader
from shardline.components.span_planner.calendar import SpanError


def spans_there(reader: str, options: str, path: str) -> list[FoundSpan]:
    """Returns all versions of all spans that are there.

    Args:
        reader: import path of the reader.
        options: the reader's options, as JSON.
        path: the location of the raw data, as the reader takes it.

    Raises:
        BadInputError: if a name is no span.
        SpanError: if the reader does not tell spans.
    """
    made = construct(reader, json.loads(options))
    if not isinstance(made, SpanReader):
        raise SpanError(
            f"Reader `{reader}` does not tell which spans there are: it has no method "
            "`spans` or `span_examples`. Add both "
            "(`components.readers.span_reader.SpanReader`), or leave out `data.spans`."
        )
    return made.spans(path)
