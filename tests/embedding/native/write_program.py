"""Writes a shard into the file that is given, and says how many bytes it has."""

import sys
from pathlib import Path

from shards import Host

from shardline.embedding.native.library import native_ops

if __name__ == "__main__":
    host = Host(native_ops(), [(300_000, 16, "adagrad")])
    host.cut(False, Path(sys.argv[1]).parent)
    host.write(sys.argv[1])
    print(Path(sys.argv[1]).stat().st_size)
