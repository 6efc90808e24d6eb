"""Shardline's native kernels without the engine around them."""

import argparse

from benchmarks.engine.workload import Workload


def main() -> None:
    """Serves `step` and `forward`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", type=Workload.from_json)
    parser.parse_args()
    raise NotImplementedError("The native kernels are not there yet.")


if __name__ == "__main__":
    main()
