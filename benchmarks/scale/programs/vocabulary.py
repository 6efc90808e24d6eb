"""Tokens put in order, updated, and looked up: processor time and memory.

    python -m benchmarks.scale.programs.vocabulary ACTION FOLDER TOKENS

ACTION is `sort`, which puts the tokens of a vocabulary in order; `live`, which updates
a living vocabulary that has half of the tokens by a span that has all; or `look_up`,
which makes the table that turns tokens into ids, as it stands in the transform graph.
Prints {"cpu_s": of the action, "bytes": its peak of memory above what was there}.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.checkpoint.memory import AnonymousPeak, anonymous_bytes
from shardline.components.features.analysis.counts import SHARDS, to_bytes
from shardline.components.features.analysis.vocabulary import write_vocabulary
from shardline.components.features.ids.tensor_ids import vocabulary_lines
from shardline.components.features.living.update import Before, updated
from shardline.configs.schema import Living, Vocabulary


def _counts(tokens: int, seed: int = 1) -> pa.Table:
    """Returns counts of tokens of 16 bytes."""
    numbers = np.random.default_rng(seed).permutation(tokens)
    text = pa.array([f"item-{one:011}" for one in numbers], pa.large_binary())
    counts = np.random.default_rng(seed).zipf(1.2, tokens) % 1_000_000 + 1
    return pa.table({"token": text, "count": pa.array(counts, pa.int64())})


def sort(folder: Path, tokens: int) -> Callable[[], object]:
    """Returns what puts tokens in order, their counts written."""
    shards: dict[int, list[str]] = {}
    counts, rows = _counts(tokens), -(-tokens // SHARDS)
    for shard in range(SHARDS):
        file = folder / f"{shard}.counts"
        file.write_bytes(to_bytes(counts.slice(shard * rows, rows)))
        shards[shard] = [str(file)]
    return lambda: write_vocabulary(str(folder / "lines"), shards, Vocabulary())


def live(_: Path, tokens: int) -> Callable[[], object]:
    """Returns what updates a living vocabulary."""
    rules = Vocabulary(living=Living())
    counts = _counts(tokens)
    first = updated(Before(), {1: counts.slice(0, tokens // 2)}, rules, 1)
    before = Before(first.state, first.capacity, age=1)
    return lambda: updated(before, {2: counts}, rules, 2)


def look_up(folder: Path, tokens: int) -> Callable[[], object]:
    """Returns what makes the table of tokens and ids."""
    path = folder / "lines"
    path.write_text("".join(f"item-{one:011}\n" for one in range(tokens)))
    return lambda: vocabulary_lines(str(path), tokens).size()


def main() -> None:
    """Does one action and says what it took."""
    action, folder, tokens = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True)
    do = {"sort": sort, "live": live, "look_up": look_up}[action](folder, tokens)
    # What was made for it and let go of is not to be used again unseen.
    pa.default_memory_pool().release_unused()
    before, started_s = anonymous_bytes(), time.process_time()
    with AnonymousPeak() as peak:
        kept = do()
    said = {
        "cpu_s": time.process_time() - started_s,
        "bytes": peak.bytes - before,
    }
    del kept
    print(json.dumps(said))


if __name__ == "__main__":
    main()
