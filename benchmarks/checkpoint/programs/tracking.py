"""Steps of one engine with its row trackers and without them, in turn.

python -m benchmarks.checkpoint.programs.tracking FOLDER [--pairs N]
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from benchmarks.checkpoint.workload import fresh_batches
from benchmarks.engine.programs.ours import Inputs, new_engine, train_step
from benchmarks.engine.workload import HEADLINE, Workload
from benchmarks.serving.program import say_result_of
from shardline.embedding import TPUEmbedding

_BATCHES = 32
_WARM_UP = 4
# So often a cut makes all rows untouched.
_PAIRS_OF_A_CUT = 100


def main() -> dict[str, list[float]]:
    """Returns the seconds of each step; tracked and untracked ones come in pairs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--workload", type=Workload.from_json, default=HEADLINE)
    arguments = parser.parse_args()
    workload = arguments.workload
    engine = new_engine(workload, hosts=1)
    batches = [
        [tf.constant(ids) for ids in batch]
        for batch in fresh_batches(workload, _BATCHES)
    ]
    steps = {"tracked": train_step(engine, workload)}
    steps["tracked"](batches[0])
    with _without_trackers(engine):
        steps["untracked"] = train_step(engine, workload)
        # It is traced here, and stays as it is.
        steps["untracked"](batches[0])
    for number in range(_WARM_UP):
        for step in steps.values():
            step(batches[number])
    times: dict[str, list[float]] = {name: [] for name in steps}
    for pair in range(arguments.pairs):
        if pair % _PAIRS_OF_A_CUT == 0:
            engine.cut(False, arguments.folder).end(True)
        names = list(steps) if pair % 2 == 0 else reversed(list(steps))
        for name in names:
            times[name].append(_seconds(steps[name], batches[pair % _BATCHES]))
    return times


@contextmanager
def _without_trackers(engine: TPUEmbedding) -> Iterator[None]:
    """Has steps that are traced meanwhile track nothing."""
    hosts: list[Any] = engine._backend._kernels.trackers
    handles = [host.handles for host in hosts]
    if not any(handles):
        raise RuntimeError("The engine tracks nothing: there are no native kernels.")
    for host in hosts:
        host.handles = []
    yield
    for host, kept in zip(hosts, handles, strict=True):
        host.handles = kept


def _seconds(step: Callable[[Inputs], None], batch: Inputs) -> float:
    start = time.perf_counter()
    step(batch)
    return time.perf_counter() - start


if __name__ == "__main__":
    say_result_of(main)
