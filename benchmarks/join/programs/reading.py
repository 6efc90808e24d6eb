"""Reads the examples of a configuration as workers do, on all cores.

python -m benchmarks.join.programs.reading FOLDER plain|joined
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.preprocess.program import measure
from shardline.components.features.reading.job_examples import examples_of_job
from shardline.components.machine.cores import usable_cores
from shardline.components.readers.files import Unit, read_unit
from shardline.components.readers.files.units import units_of
from shardline.configs.load import load_job


def read(config: Path) -> int:
    """Reads all examples in parts, and returns how many there are."""
    examples = examples_of_job(load_job(config), [], config.parent)
    settings = examples.settings
    files = [file for source in examples.sources for file in source.files]

    def rows(unit: Unit) -> int:
        batches = read_unit(unit, settings, settings.new_bad_input())
        return sum(batch.num_rows for _, batch in batches)

    units = units_of(files, settings, usable_cores())
    with ThreadPoolExecutor(usable_cores()) as pool:
        return sum(pool.map(rows, units))


if __name__ == "__main__":
    folder, name = Path(sys.argv[1]), sys.argv[2]
    measure(lambda: read(folder / f"{name}.yaml"), versions=("pyarrow",))
