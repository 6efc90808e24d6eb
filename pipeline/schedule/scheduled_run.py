"""`shardline run` as a scheduler starts it: it ends when its scheduler is gone.

A scheduler that is killed by SIGKILL cannot end the run that it has started, and the
next one starts that run again.
"""

import sys

from shardline.pipeline.commands.app import app
from shardline.pipeline.runners.orphan import end_when_orphaned


def main() -> None:
    """Runs the command of the arguments, after the descriptor of the scheduler's pipe.

    Raises:
        SystemExit: when the command has ended.
    """
    watched, *command = sys.argv[1:]
    sys.argv = ["shardline", *command]
    end_when_orphaned(int(watched), lambda: None)
    app()


if __name__ == "__main__":
    main()
