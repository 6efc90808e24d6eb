"""`python -m shardline.embedding.native`: builds the kernels if they are not there."""

import sys
import time

from shardline.embedding.native.build import BuildError, build

if __name__ == "__main__":
    started_s = time.monotonic()
    try:
        library = build()
    except BuildError as error:
        sys.exit(f"Native kernels were not built; stock ops serve instead.\n{error}")
    print(f"Native kernels: {library.name}, {time.monotonic() - started_s:.0f} s")
