"""Checks the engine: `python -m shardline.embedding.conformance`.

For where the engine is installed without the pipeline, such as on a TPU VM; elsewhere
`shardline conformance` does the same.
"""

import argparse
import os
import sys
from pathlib import Path

from shardline.embedding.conformance.choice import chosen_placement
from shardline.embedding.conformance.environment import environment
from shardline.embedding.conformance.golden import GROUPS, read_groups
from shardline.embedding.conformance.kit import Kit, write_json
from shardline.embedding.conformance.time_limit import DEFAULT_S, TimeLimit
from shardline.embedding.conformance.verdicts import GroupVerdict
from shardline.embedding.conformance.wording import (
    HEADERS,
    cells,
    details,
    heading,
    summary,
)

_INTERRUPTED = 130
_WIDTHS = (15, 14, 26, 17, 7)


def main(arguments: list[str] | None = None) -> int:
    """Checks what the command line asks for, and prints the verdicts.

    Args:
        arguments: of the command line; default, this process's.

    Returns:
        The exit code: 0 if what can be had there passed, 1 if something failed, was not
        run, or nothing can be had.

    Raises:
        SystemExit: if the place cannot be had, or the options are faulty.
    """
    chosen = _parser().parse_args(arguments)
    try:
        groups = read_groups(chosen.only)
        placement = chosen_placement(chosen.hosts, chosen.cluster, chosen.tpu)
        kit = Kit(placement, limit=TimeLimit(chosen.limit_s), folder=chosen.folder)
        for line in heading(placement.name, environment()):
            print(line)
        print(_line(HEADERS), flush=True)
        report = kit.report(groups, _print_group)
        print(summary(report), flush=True)
        if chosen.json:
            write_json(report, chosen.json)
    except (OSError, RuntimeError, ValueError) as fault:
        sys.exit(str(fault))
    except KeyboardInterrupt:
        # The call that it interrupts goes on in a thread of its own.
        print("Interrupted.", file=sys.stderr, flush=True)
        os._exit(_INTERRUPTED)
    code = 0 if report.has_passed else 1
    if kit.hangs:
        # The thread that waits may keep the process from its end.
        sys.stdout.flush()
        os._exit(code)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m shardline.embedding.conformance",
        description="Compares the engine with golden vectors, in the place chosen.",
    )
    parser.add_argument(
        "--hosts", type=int, metavar="N", help="N logical hosts of this process (2)"
    )
    parser.add_argument(
        "--cluster",
        action="store_true",
        help="the hosts of the cluster in TF_CONFIG; this process is the chief",
    )
    parser.add_argument(
        "--tpu",
        metavar="TPU",
        help="local, for the TPU of this machine; its name; or grpc://address:port",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GROUP",
        help=f"check this group, and others so named: {', '.join(GROUPS)}",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the report to this file, too"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="FOLDER",
        help="where checkpoints lie for a moment; the hosts of a cluster must all see "
        "it. Default: the temporary folder",
    )
    parser.add_argument(
        "--limit-s",
        type=float,
        default=DEFAULT_S,
        metavar="SECONDS",
        help="how long a call may take before it counts as hung (%(default)g)",
    )
    return parser


def _print_group(group: GroupVerdict) -> None:
    print(_line(cells(group)))
    for line in details(group):
        print(f"  {line}")
    sys.stdout.flush()


def _line(words: tuple[str, ...]) -> str:
    """Returns words in columns; one that is too long pushes the others on."""
    pairs = zip(words, _WIDTHS, strict=True)
    return " ".join(word.ljust(width) for word, width in pairs).rstrip()


if __name__ == "__main__":
    sys.exit(main())
