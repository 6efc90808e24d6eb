"""`shardline checkpoint`: the sets that a training is saved to, and goes on from."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from shardline.configs import ConfigError
from shardline.pipeline.checkpoint_sets import (
    NoTrainingError,
    training_of,
    trainings_of,
)
from shardline.pipeline.commands.checkpoint_tables import (
    print_differences,
    print_inspected,
    print_listing,
    print_verdict,
)
from shardline.pipeline.commands.console import console, end, failing_on, print_line
from shardline.pipeline.commands.options import OutputDir, PrintJson, refused_if_remote
from shardline.pipeline.terminal.escaping import print_json
from shardline.pipeline.terminal.native_output import stderr_held_back

if TYPE_CHECKING:
    from shardline.embedding.checkpoint.sets.folder import CheckpointSet, SetFolder

checkpoint = typer.Typer(
    no_args_is_help=True,
    help="List, verify, compare, rewind and export the checkpoint sets of a training.",
)

_Where = Annotated[
    str,
    typer.Argument(
        metavar="WHERE",
        help="The configuration of a run, a run folder, a folder of sets, or one "
        "with such folders.",
    ),
]
_Set = Annotated[
    str,
    typer.Argument(
        metavar="SET", help="The name of a set, its step, its path, or `newest`."
    ),
]
_Training = Annotated[
    str | None,
    typer.Option(
        metavar="FINGERPRINT",
        help="Which training of the run, by the beginning of its fingerprint. "
        "Default: the one that was saved to last.",
    ),
]


@checkpoint.command("ls")
def list_sets(
    where: _Where,
    training: _Training = None,
    output_dir: OutputDir = None,
    as_json: PrintJson = False,
) -> None:
    """List the checkpoint sets of all trainings of a run, or of one.

    Files are not read: that a set is complete says that it was saved whole.
    """
    with _failing():
        from shardline.embedding.checkpoint.sets.folder import SetFolder
        from shardline.embedding.checkpoint.sets.listing import listed

        trainings = (
            [training_of(where, training, output_dir)]
            if training
            else trainings_of(where, output_dir)
        )
        listings = [listed(SetFolder(one.folder)) for one in trainings]
    if as_json:
        print_json(
            [
                {**_json(one), **_json(listing)}
                for one, listing in zip(trainings, listings, strict=True)
            ]
        )
        return
    for one, listing in zip(trainings, listings, strict=True):
        print_listing(one.folder, listing)


@checkpoint.command()
def verify(
    where: _Where,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="SET",
            help="The name of a set, its step, its path, or `newest`: it is verified "
            "with what it builds on. Default: all sets.",
        ),
    ] = None,
    mark: Annotated[
        bool,
        typer.Option("--mark", help="Mark damaged sets, so that none is restored."),
    ] = False,
    training: _Training = None,
    output_dir: OutputDir = None,
    as_json: PrintJson = False,
) -> None:
    """Read every byte of checkpoint sets, and say what is wrong with them.

    Ends with exit code 1 if something is.
    """
    with _failing():
        from shardline.embedding.checkpoint.sets.checkup import checked

        folder, last = _folder(where, training, output_dir), None
        if name is not None:
            folder, last = _set_of(folder, name)
        verdicts = []
        for verdict in checked(folder, last, marks=mark):
            verdicts.append(verdict)
            if not as_json:
                print_verdict(verdict)
    if as_json:
        print_json([_json(verdict) for verdict in verdicts])
    elif not verdicts:
        print_line(f"{folder.path} holds no checkpoint set")
    end(0 if all(verdict.is_good for verdict in verdicts) else 1)


@checkpoint.command()
def inspect(
    where: _Where,
    name: _Set,
    training: _Training = None,
    output_dir: OutputDir = None,
    as_json: PrintJson = False,
) -> None:
    """Show what a checkpoint set says of itself, and what its tables hold.

    Reads the tables once, a block at a time.
    """
    with _failing():
        from shardline.embedding.checkpoint.sets.chain import chain_readers
        from shardline.embedding.checkpoint.sets.inspection import summaries

        folder, one = _set_of(_folder(where, training, output_dir), name)
        readers = chain_readers(folder, one)
        with console.status(f"Reading {one.name}"):
            tensors = list(summaries(readers))
        chain = [reader.set for reader in readers]
    if as_json:
        print_json(
            {
                "name": one.name,
                "chain": [each.name for each in chain],
                "pinned": one.is_pinned,
                "manifest": _json(one.manifest),
                "tensors": [_json(tensor) for tensor in tensors],
            }
        )
    else:
        print_inspected(chain, tensors)


@checkpoint.command()
def diff(
    where: _Where,
    first: _Set,
    second: _Set,
    training: _Training = None,
    output_dir: OutputDir = None,
    as_json: PrintJson = False,
) -> None:
    """Show which rows and values of two checkpoint sets differ, and by how much.

    Reads the tables of both once, a block at a time.
    """
    with _failing():
        from shardline.embedding.checkpoint.sets.chain import chain_readers
        from shardline.embedding.checkpoint.sets.comparison import compare

        folder = _folder(where, training, output_dir)
        pair = [_set_of(folder, name) for name in (first, second)]
        with console.status("Comparing"):
            comparison = compare(*(chain_readers(*located) for located in pair))
    # Sets of two folders may have one name.
    is_here = all(place.path == folder.path for place, _ in pair)
    names = [one.name if is_here else str(one.path) for _, one in pair]
    if as_json:
        print_json({"sets": names, **_json(comparison)})
    else:
        print_differences(names, comparison)


@checkpoint.command()
def rewind(
    where: _Where,
    to: Annotated[
        int, typer.Option(min=0, metavar="STEP", help="The step to go back to.")
    ],
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete later sets; put none away.")
    ] = False,
    training: _Training = None,
    output_dir: OutputDir = None,
    as_json: PrintJson = False,
) -> None:
    """Put later sets away, so that the next run goes on from an earlier step.

    They are moved into a folder beside the sets. The set of the step is
    verified first.
    """
    with _failing():
        from shardline.embedding.checkpoint.sets.rewind import rewind as rewind_sets

        folder = _folder(where, training, output_dir)
        with console.status(f"Verifying the set of step {to}"):
            rewound = rewind_sets(folder, to, deletes=delete)
    if as_json:
        print_json(_json(rewound))
        return
    print_line(f"The next run goes on from {rewound.newest}")
    for name in rewound.removed:
        there = f"moved to {rewound.kept_in}" if rewound.kept_in else "deleted"
        print_line(f"{name} was {there}")
    best = _missing_best_step(folder)
    if best is not None:
        print_line(
            f"The best step so far, {best}, has no set any more. If validation finds "
            "no better one from here on, the run ends with an error.",
            "yellow",
        )


@checkpoint.command()
def export(
    where: _Where,
    name: _Set,
    output: Annotated[
        Path,
        typer.Option(
            callback=refused_if_remote, metavar="DIR", help="The folder to write to."
        ),
    ],
    rows: Annotated[
        Literal["float32", "float16", "int8"],
        typer.Option(
            help="How rows are held. float16 and int8 lose digits, for an archive."
        ),
    ] = "float32",
    form: Annotated[
        Literal["set", "tensorflow"],
        typer.Option(
            "--format",
            help="A folder of sets with this one, or its tables only, as "
            "tf.train.Checkpoint(embedding=...) reads them.",
        ),
    ] = "set",
    training: _Training = None,
    output_dir: OutputDir = None,
    as_json: PrintJson = False,
) -> None:
    """Write a checkpoint set as a full one that needs no other.

    All that is read is verified.
    """
    with _failing():
        from shardline.embedding.checkpoint.sets.archive import ExportError, export_set
        from shardline.embedding.checkpoint.sets.object_checkpoint import export_tables

        if form == "tensorflow" and rows != "float32":
            raise ExportError(f"--format tensorflow holds rows as float32, not {rows}.")
        folder, one = _set_of(_folder(where, training, output_dir), name)
        with console.status(f"Writing {one.name} to {output}"):
            if form == "tensorflow":
                path = export_tables(folder, one, output)
            else:
                path = str(export_set(folder, one, output, rows).path)
    if as_json:
        print_json({"set": one.name, "path": path, "format": form, "rows": rows})
    else:
        print_line(f"{one.name} was written to {path}, rows as {rows}")


def _folder(where: str, training: str | None, output_dir: Path | None) -> "SetFolder":
    from shardline.embedding.checkpoint.sets.folder import SetFolder

    return SetFolder(training_of(where, training, output_dir).folder)


def _set_of(folder: "SetFolder", name: str) -> tuple["SetFolder", "CheckpointSet"]:
    """Returns a set by its name, its step, its path, or as the newest; and its folder.

    Raises:
        FileNotFoundError: if there is none.
    """
    from shardline.embedding.checkpoint.sets.folder import SetFolder

    if "/" in name:
        folder = SetFolder(Path(name).parent)
        return folder, folder.named(Path(name).name)
    sets = folder.sets()
    if name == "newest" and sets:
        return folder, sets[-1]
    at_step = [one for one in sets if name.isdecimal() and one.step == int(name)]
    return folder, at_step[-1] if at_step else folder.named(name)


def _missing_best_step(folder: "SetFolder") -> int | None:
    """Returns the step that early stop held for the best, if its set is gone."""
    *_, newest = sets = folder.sets()
    early_stop = newest.manifest.state.get("early_stop") or {}
    best: int | None = early_stop.get("best_step") or None
    return None if best in {None, *(one.step for one in sets)} else best


def _json(value: Any) -> dict[str, Any]:
    """Returns a dataclass as JSON has it, paths as text."""
    return dataclasses.asdict(
        value,
        dict_factory=lambda pairs: {
            key: str(item) if isinstance(item, Path) else item for key, item in pairs
        },
    )


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    """Ends the command with the message of what is wrong, without a trace."""
    with stderr_held_back():
        from shardline.embedding.checkpoint.sets.archive import ExportError
        from shardline.embedding.checkpoint.sets.lock import SetLockedError
        from shardline.embedding.checkpoint.sets.manifest import ManifestError
        from shardline.embedding.checkpoint.sets.reader import SetDamagedError
        from shardline.embedding.checkpoint.sets.rewind import RewindError
        from shardline.embedding.checkpoint.sets.rounding import RoundingError
    expected = (
        ConfigError,
        ExportError,
        ManifestError,
        NoTrainingError,
        OSError,
        RewindError,
        RoundingError,
        SetDamagedError,
        SetLockedError,
    )
    with failing_on(*expected), stderr_held_back():
        yield
