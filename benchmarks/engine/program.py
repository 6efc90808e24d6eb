"""The side of a measured program: sets up, then measures whenever it is asked.

A program stays alive while others are measured, so that rounds can take turns without
setting up again. It reads requests from standard input, one line of JSON each,

    {"what": "step", "seconds": 1.5, "calls": 20}

and answers with one line on standard output: `{"seconds": [...], "peak_bytes": ...}`,
the time of each call. Whatever else it prints goes to standard error.

Imports neither TensorFlow nor PyTorch: the programs of both use it.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from importlib import metadata

# A call of what is measured; its argument counts the calls.
Measured = Callable[[int], object]
_WARM_UP_CALLS = 3
_AGAIN_WARM_CALLS = 1


def serve(
    measured: Mapping[str, Measured],
    versions: tuple[str, ...] = (),
    warm_up_calls: int = _WARM_UP_CALLS,
) -> None:
    """Warms up, says that it is ready, and answers requests until the input ends.

    Args:
        measured: what can be asked for. A call must return when its work is done.
        versions: distributions whose version to report.
        warm_up_calls: calls of each before the first request.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for call in measured.values():
        for i in range(warm_up_calls):
            call(i)
    ready = {"ready": True, "versions": {v: metadata.version(v) for v in versions}}
    _say(answers, ready)
    for line in sys.stdin:
        request = json.loads(line)
        times = _timed(measured[request["what"]], request["seconds"], request["calls"])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        _say(answers, {"seconds": times, "peak_bytes": peak})


def _timed(call: Measured, seconds: float, calls: int) -> list[float]:
    """Returns the time of each call, of up to `calls` that fit into `seconds`."""
    # Others ran since, and the caches are theirs.
    for i in range(_AGAIN_WARM_CALLS):
        call(i)
    times: list[float] = []
    while len(times) < calls and (len(times) < 2 or sum(times) < seconds):
        start = time.perf_counter()
        call(len(times))
        times.append(time.perf_counter() - start)
    return times


def _say(answers: object, message: object) -> None:
    print(json.dumps(message), file=answers, flush=True)  # type: ignore[call-overload]
