"""Where a test ends the process on purpose, to see what a kill leaves behind.

`SHARDLINE_CRASH_AT=<name>` kills the process by signal 9 when it first passes the point
of that name, `<name>:<count>` when it passes it for the count-th time. Without the
variable a point costs a comparison. The native kernels have points of their own, which
the same variable names and which count on their own: `shard_open`, `shard_opened`,
`shard_write`, `shard_written`, `shard_fsync`, `shard_fsynced` and `copies_allocate`.
"""

import itertools
import os
import signal

CRASH_AT = "SHARDLINE_CRASH_AT"

_name, _, _count = os.environ.get(CRASH_AT, "").partition(":")
_passes = itertools.count(1)


def crash_point(name: str) -> None:
    """Kills the process if `SHARDLINE_CRASH_AT` names this point and this pass of it.

    Args:
        name: the point's name, by convention what happens next, or has just happened.
    """
    if name == _name and next(_passes) == int(_count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
