"""Which spans Examples hold, and what each is like: `spans.json` in the artifact.

Files of a span are named after it, so that a step can count each span by itself.
"""

from shardline.components.contracts.spans.plan import PlannedSpan
from shardline.components.contracts.spans.profile import SpanProfile
from shardline.components.contracts.text_file import read_text, write_text
from shardline.configs.section import Section

_FILE = "spans.json"


class SpanPart(Section):
    """The examples of one span in one split.

    Attributes:
        planned: the span, its version and which part of it.
        split: "train" or "eval".
        files: their names below the split's folder.
        examples: how many.
        profile: of the whole span, whatever part of it this is.
    """

    planned: PlannedSpan
    split: str
    files: tuple[str, ...]
    examples: int
    profile: SpanProfile


class SpanFiles(Section):
    """The spans of Examples."""

    parts: tuple[SpanPart, ...]

    def save(self, uri: str) -> None:
        """Writes it beside the splits' folders."""
        write_text(uri, _FILE, self.model_dump_json(indent=1))


def load_span_files(uri: str) -> SpanFiles | None:
    """Reads which spans Examples hold; None for those that do not come in spans.

    Args:
        uri: of the Examples artifact.
    """
    try:
        return SpanFiles.model_validate_json(read_text(uri, _FILE))
    except FileNotFoundError:
        return None
