"""The store of spans: the examples of each, read once, in a folder of its own.

    <span>-v<version>-<key>/
        all-00000-of-00004.gz      or head-... and tail-..., where examples have times
        span.json                  what the span is like
        whole.json                 the record of all files; written last

`key` stands for all that decides on what was read. A folder is written beside its place
and renamed, so that what is there is whole; what a killed run has left is removed by
the next. Files never change: who erases something writes a new folder, or removes it.
"""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from pydantic import Field

from shardline.components.contracts.data_card import DataCard
from shardline.components.contracts.file_record import (
    FileRecord,
    damage_by,
    record_files,
)
from shardline.components.contracts.spans.profile import SpanProfile
from shardline.components.contracts.text_file import read_text, write_text
from shardline.components.folders.scratch import held, remove_dead
from shardline.configs.locations import is_remote
from shardline.configs.section import Section

_SPAN_FILE = "span.json"
_WHOLE_FILE = "whole.json"
# Nothing else in a store has such a name.
_LEFT_OVER = f"*-*.{'[0-9a-f]' * 32}"


class StoredPart(Section):
    """Files of a part of a span.

    Attributes:
        files: their names, sorted; none if it has no example.
        examples: how many are in them.
    """

    files: tuple[str, ...] = ()
    examples: int = 0


class StoredSpan(Section):
    """What was read of a span.

    Attributes:
        span: its name.
        version: the number of its version.
        parts: by name: `all`, or `head` and `tail`, which are all together.
        profile: what it is like.
        data_card: what became of its raw data; the split is the span's name.
    """

    span: str
    version: int
    parts: dict[str, StoredPart] = Field(default_factory=dict)
    profile: SpanProfile
    data_card: DataCard

    def files_of(self, part: str) -> StoredPart:
        """Returns the files of a part; of `all` those of all parts there are.

        Raises:
            ValueError: if the span was not parted, for its examples have no time.
        """
        if part in self.parts:
            return self.parts[part]
        if part != "all":
            raise ValueError(
                f"Span {self.span} has no {part}: its examples were not parted, for "
                "their time is not known. Give `data.spans.column`, or set "
                "`evaluation.on: next_span`."
            )
        files = tuple(file for one in self.parts.values() for file in one.files)
        return StoredPart(files=files, examples=self.profile.examples)


def load_stored(folder: str) -> StoredSpan:
    """Reads what a folder of the store says of its span.

    Raises:
        FileNotFoundError: if there is none.
    """
    return StoredSpan.model_validate_json(read_text(folder, _SPAN_FILE))


def damage_of(folder: str) -> str | None:
    """Tells what is wrong with a folder of the store.

    Returns:
        "" if all is as it was written, a file and what is wrong with it if not, and
        None if there is no such folder.
    """
    if not tf.io.gfile.exists(folder):
        return None
    return damage_by(_WHOLE_FILE, folder)


@contextlib.contextmanager
def new_folder(folder: str) -> Iterator[str]:
    """Gives a folder to write to, beside its place in a store; removed in the end.

    What killed runs have left there is removed first, if the store is local.

    Args:
        folder: its place in the store.
    """
    written = f"{folder}.{uuid.uuid4().hex}"
    with contextlib.ExitStack() as stack:
        if is_remote(written):
            tf.io.gfile.makedirs(written)
        else:
            remove_dead(Path(folder).parent, _LEFT_OVER)
            stack.enter_context(held(Path(written)))
        stack.callback(_remove, written)
        yield written


def put(stored: StoredSpan, written: str, folder: str) -> None:
    """Gives what was written its place, unless another run has put it there by now.

    Args:
        stored: what the span is like.
        written: of `new_folder`, with the files of all parts.
        folder: its place in the store.
    """
    record_whole(stored, written)
    if damage_of(folder) == "":
        return
    _remove(folder)
    tf.io.gfile.rename(written, folder)


def record_whole(stored: StoredSpan, folder: str) -> None:
    """Writes into a folder what the span is like, and the record of all files.

    Args:
        stored: what it is like.
        folder: has the files of all parts, and nothing else that is to be kept.
    """
    write_text(folder, _SPAN_FILE, stored.model_dump_json(indent=1))
    files = dict(record_files(folder).files)
    files.pop(_WHOLE_FILE, None)
    write_text(folder, _WHOLE_FILE, FileRecord(files).to_json())


def _remove(folder: str) -> None:
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)


def link(source: str, target: str) -> None:
    """Makes a file be at another place too, without a copy where that can be.

    Args:
        source: a file that does not change.
        target: where it shall be; replaced if it is there.
    """
    if not is_remote(source) and not is_remote(target):
        with contextlib.suppress(FileNotFoundError):
            os.remove(target)
        with contextlib.suppress(OSError):  # another file system, or one without links
            os.link(source, target)
            return
    tf.io.gfile.copy(source, target, overwrite=True)
