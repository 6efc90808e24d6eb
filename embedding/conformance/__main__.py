"""Checks the engine: `python -m shardline.embedding.conformance`.

For where the engine is installed without the pipeline, such as on a TPU VM; elsewhere
`shardline conformance` does the same.
"""

import argparse
import os
import sys
from pathlib import Path

from shardline.embedding.conformance.golden import GROUPS
from shardline.embedding.conformance.session import Options, run_session
from shardline.embedding.conformance.time_limit import DEFAULT_S
from shardline.embedding.conformance.verdicts import GroupVerdict
from shardline.embedding.conformance.wording import cells, columns, details

_INTERRUPTED = 130


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
    options = Options(**vars(_parser().parse_args(arguments)))
    try:
        ended = run_session(options, _print_line, _print_group)
    except (OSError, RuntimeError, ValueError) as fault:
        sys.exit(str(fault))
    except KeyboardInterrupt:
        # The call that it interrupts goes on in a thread of its own.
        print("Interrupted.", file=sys.stderr, flush=True)
        os._exit(_INTERRUPTED)
    ended.leave_if_hung()
    return ended.exit_code


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
        "--json",
        type=Path,
        dest="json_file",
        metavar="FILE",
        help="write the report to this file, too",
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


def _print_line(line: str) -> None:
    print(line, flush=True)


def _print_group(group: GroupVerdict) -> None:
    print(" ".join(columns(cells(group))).rstrip())
    for line in details(group):
        print(f"  {line}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
