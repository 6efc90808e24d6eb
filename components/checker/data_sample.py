"""The files of every split, and a sample of the training examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from shardline.components.checker.dialect_remedies import dialect_findings
from shardline.components.checker.findings import Finding
from shardline.components.checker.report import Draft
from shardline.components.checker.span_rules import span_findings
from shardline.components.checker.split_files import (
    SplitFiles,
    file_findings,
    look,
    notes,
)
from shardline.components.readers.datasets import DatasetError, location_of
from shardline.components.readers.files import BadInputError, ReadSettings
from shardline.components.readers.files.locations import leftovers_said, matches
from shardline.components.readers.files.sampling import Piece, sample, spread
from shardline.configs.locations import is_remote
from shardline.configs.outputs import downloads_folder
from shardline.configs.schema import Job

_TRAIN = "train"


@dataclasses.dataclass(frozen=True)
class DataSample:
    """The files of the data, and the first rows of some of them.

    Attributes:
        splits: the files of each split whose files can be found.
        files: the files of split "train" that the sample is taken from.
        pieces: the rows of these files; none if they cannot be read.
        path: where the data lies; "" if it cannot be had.
    """

    splits: Mapping[str, SplitFiles]
    files: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    path: str = ""

    @property
    def train(self) -> SplitFiles | None:
        """The files of split "train"; None if they cannot be found."""
        return self.splits.get(_TRAIN)

    @property
    def rows(self) -> int | None:
        """How many examples the sample has; None if there is none."""
        if not self.pieces:
            return None
        rows: int = sum(piece.batch.num_rows for piece in self.pieces)
        return rows

    @property
    def is_whole(self) -> bool:
        """Whether the sample is all that there is to train on."""
        if self.train is None:
            return False
        whole = {piece.file for piece in self.pieces if piece.is_whole}
        with_rows = {head.file for head in self.train.with_rows}
        return whole == with_rows and len(self.train.heads) == len(self.train.files)


def take_sample(
    job: Job,
    read_settings: ReadSettings,
    rows: int,
    draft: Draft,
    say: Callable[[str], None],
) -> DataSample:
    """Looks at the start of every file, and reads the first rows of some.

    Args:
        job: the configuration, whose data are files.
        read_settings: how they are read.
        rows: the most examples to sample.
        draft: takes what is wrong with files as a whole.
        say: takes a line that says what is being done, where that takes long.
    """
    splits = {}
    path, found = _found_files(job, read_settings, draft, say)
    for split, files in found.items():
        say(f"Looking at the files of split `{split}`")
        splits[split] = look(split, files, read_settings)
    _add_file_findings(splits, read_settings, draft)
    train = splits.get(_TRAIN)
    if train is None:
        return DataSample(splits, path=path)
    draft.findings += dialect_findings(train, read_settings.wanted, read_settings)
    wanted = [name for name in read_settings.wanted if train.names(name) is not False]
    files = train.usable(wanted)
    if not files or not wanted:
        return DataSample(splits, path=path)
    sampled = tuple(spread(files))
    try:
        pieces = sample(files, read_settings, rows, wanted)
    except BadInputError as error:
        draft.findings.append(_bad_split(_TRAIN, error))
        return DataSample(splits, sampled, path=path)
    return DataSample(splits, sampled, tuple(pieces), path)


def _add_file_findings(
    splits: Mapping[str, SplitFiles], read_settings: ReadSettings, draft: Draft
) -> None:
    """Adds what is wrong with the files of each split as a whole."""
    train = splits.get(_TRAIN)
    for split, files in splits.items():
        wanted = read_settings.of_split(split).wanted
        if train and not train.has_no_header(wanted):
            # A column that no training file has is a fault of what reads it.
            wanted = [name for name in wanted if train.names(name) is not False]
        is_skipped = read_settings.on_bad_file == "skip"
        draft.findings += file_findings(files, wanted, is_skipped=is_skipped)
        draft.notes += notes(files)


def _found_files(
    job: Job, read_settings: ReadSettings, draft: Draft, say: Callable[[str], None]
) -> tuple[str, dict[str, list[str]]]:
    """Returns the path of the data, and the files of each split.

    Where they cannot be found, a fault is added.
    """
    data = job.data
    if data.download:
        say(f"Fetching {data.download.requirement}, unless it is there")
    try:
        path = location_of(data, downloads_folder(job.name).resolve())
    except DatasetError as error:
        draft.findings.append(Finding(("data", "download"), "data", str(error), ""))
        return "", {}
    if not is_remote(path) and not Path(path).exists():
        message = f"there is no file or folder {path}."
        remedy = "Correct `path`, which starts at the current folder."
        draft.findings.append(Finding(("data", "path"), "data", message, remedy))
        return "", {}
    found = {}
    for split, pattern in data.files.splits.items() if data.files else ():
        try:
            found[split], leftovers = matches(path, pattern)
        except BadInputError as error:
            draft.findings.append(_bad_split(split, error))
        else:
            if leftovers:
                draft.notes.append(f"Split `{split}`: {leftovers_said(leftovers)}.")
    if _TRAIN in found:
        draft.findings += span_findings(data, read_settings, path)
    return path, found


def _bad_split(split: str, error: BadInputError) -> Finding:
    path = ("data", "files", "splits", split)
    return Finding(path, f"split `{split}`", str(error), "")
