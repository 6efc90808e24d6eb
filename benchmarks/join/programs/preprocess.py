"""Preprocesses the examples of a configuration, as `shardline preprocess` does.

python -m benchmarks.join.programs.preprocess FOLDER plain|joined
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.preprocess.program import measure
from benchmarks.preprocess.programs import ours


def preprocess(config: Path) -> None:
    """Preprocesses all examples into a folder that is removed."""
    with tempfile.TemporaryDirectory(dir=config.parent) as output:
        ours.run(config, Path(output))


if __name__ == "__main__":
    folder, name = Path(sys.argv[1]), sys.argv[2]
    measure(lambda: preprocess(folder / f"{name}.yaml"), versions=("apache-beam",))
