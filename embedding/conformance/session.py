"""One check from its options to its end, whichever program shows it."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from shardline.embedding.conformance.choice import chosen_placement
from shardline.embedding.conformance.environment import environment
from shardline.embedding.conformance.golden import read_groups
from shardline.embedding.conformance.kit import Kit, write_json
from shardline.embedding.conformance.time_limit import DEFAULT_S, TimeLimit
from shardline.embedding.conformance.verdicts import GroupVerdict
from shardline.embedding.conformance.wording import HEADERS, columns, heading, summary


class Options(NamedTuple):
    """What a user has asked for.

    Attributes:
        hosts: so many logical hosts of this process; None for the default.
        cluster: the hosts of the cluster in TF_CONFIG.
        tpu: "local", the name of a TPU, or "grpc://address:port".
        only: groups to check; none for all.
        json_file: to write the report to as well.
        folder: where checkpoints lie for a moment; None for the temporary folder.
        limit_s: how long a call may take, in seconds.
    """

    hosts: int | None = None
    cluster: bool = False
    tpu: str | None = None
    only: Sequence[str] = ()
    json_file: Path | None = None
    folder: Path | None = None
    limit_s: float = DEFAULT_S


class Ended(NamedTuple):
    """How a check has ended.

    Attributes:
        exit_code: 0 if what can be had there passed, 1 if something failed, was not
            run, or nothing can be had.
        hangs: whether a thread may wait for ever.
    """

    exit_code: int
    hangs: bool

    def leave_if_hung(self) -> None:
        """Ends the process by force if the thread that waits would keep it."""
        if self.hangs:
            sys.stdout.flush()
            os._exit(self.exit_code)


def run_session(
    options: Options,
    show_line: Callable[[str], None],
    show_group: Callable[[GroupVerdict], None],
) -> Ended:
    """Checks what is asked for, and shows it as it comes.

    Args:
        options: what is asked for; all faults of it end this before any use of hosts.
        show_line: shows a line, of the heading or the summary.
        show_group: shows a group's verdicts, as soon as they are there.

    Raises:
        ValueError: if the options are faulty.
        OSError: if there is no such folder, or the report cannot be written.
        RuntimeError: if the place cannot be had; its kinds are those of
            `chosen_placement`.
    """
    groups = read_groups(options.only)
    _check_paths(options)
    placement = chosen_placement(options.hosts, options.cluster, options.tpu)
    kit = Kit(placement, limit=TimeLimit(options.limit_s), folder=options.folder)
    for line in heading(placement.name, environment()):
        show_line(line)
    show_line(" ".join(columns(HEADERS)).rstrip())
    report = kit.report(groups, show_group)
    show_line(summary(report))
    if options.json_file:
        write_json(report, options.json_file)
    return Ended(0 if report.has_passed else 1, kit.hangs)


def _check_paths(options: Options) -> None:
    """Refuses paths that would be found wrong only at the end, or seem the engine's.

    Raises:
        OSError: if a folder is not there or cannot be written to, or a file is one.
    """
    file = options.json_file
    folders = {"--folder": options.folder, "--json": file.parent if file else None}
    for option, folder in folders.items():
        if folder is None:
            continue
        if not folder.is_dir():
            raise NotADirectoryError(f"{option}: {folder} is no folder. Make it first.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(
                f"{option}: {folder} cannot be written to. Name a folder that can."
            )
    if file and file.is_dir():
        raise IsADirectoryError(f"--json: {file} is a folder. Name a file.")
