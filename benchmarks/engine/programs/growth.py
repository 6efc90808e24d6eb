"""Shardline on one table of any number of rows: does a step cost more in a larger one?

Serves a step for each way to draw ids, and with 2, 4 and 8 times as many ids from the
whole table.
"""

import argparse
import dataclasses
from functools import partial
from typing import Any

from benchmarks.engine.program import serve
from benchmarks.engine.programs.ours import inputs, new_engine, train_step
from benchmarks.engine.workload import BATCHES, DRAWS, MORE_IDS, Workload


def main() -> None:
    """Serves "window", "spread", "uniform"; and "uniform x2" and so on if asked to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", type=Workload.from_json)
    parser.add_argument("--more-ids", action="store_true")
    arguments = parser.parse_args()
    workload = arguments.workload
    asked = {draw: dataclasses.replace(workload, draw=draw) for draw in DRAWS}
    if arguments.more_ids:
        for times in MORE_IDS:
            asked[f"uniform x{times}"] = dataclasses.replace(
                workload,
                draw="uniform",
                ids_per_example=times * workload.ids_per_example,
            )
    engine = new_engine(workload, hosts=1)

    def run(step: Any, batches: list, i: int) -> None:
        step(batches[i % BATCHES])

    serve(
        {
            name: partial(run, train_step(engine, one), inputs(one))
            for name, one in asked.items()
        }
    )


if __name__ == "__main__":
    main()
