"""Whether the files of a configuration come in spans as it says."""

from collections.abc import Iterator

from shardline.components.checker.findings import Finding
from shardline.components.readers.files import BadInputError, ReadSettings
from shardline.components.readers.files.spans.found import SpansOfFiles
from shardline.configs.data import Data


def span_findings(data: Data, settings: ReadSettings, path: str) -> Iterator[Finding]:
    """Yields what is wrong with names of spans, and with the times of the first file.

    Args:
        data: section `data`, with files.
        settings: how they are read.
        path: where they lie.
    """
    if data.spans is None or data.files is None:
        return
    spans = SpansOfFiles(
        data.files.splits["train"],
        settings,
        column=data.spans.column,
        every=data.spans.every,
    )
    try:
        spans.try_out(path)
    except BadInputError as error:
        yield Finding(("data", "spans"), "data.spans", str(error), "")
