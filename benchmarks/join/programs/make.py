"""Makes the files, in a process of its own: its memory is not that of the programs.

python -m benchmarks.join.programs.make FOLDER ROWS ITEMS
"""

import sys
from pathlib import Path

from benchmarks.join.workload import Sizes, write_files

if __name__ == "__main__":
    write_files(Path(sys.argv[1]), Sizes(*map(int, sys.argv[2:])))
