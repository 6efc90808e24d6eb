"""Spans of drifting tokens counted into a living vocabulary of a fixed capacity.

    python -m benchmarks.continuous.programs.vocabularies FOLDER

Every span reads the vocabulary before it from files, counts its own tokens into it, and
writes the files of the next one, as the pipeline's step does. What must never happen
is looked for in the files of lines alone, by dictionaries: a token that stays in
another row, two tokens in a row, more or fewer lines than the capacity.
"""

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.serving.program import say_result_of
from shardline.components.contracts.living_vocabulary import (
    FREE_LINE,
    LivingVocabularies,
)
from shardline.components.features.analysis.counts import TokenCounts, to_bytes
from shardline.components.features.analysis.living import write_living_vocabulary
from shardline.components.features.living.artifact import save_vocabularies
from shardline.components.features.living.counting import Counting
from shardline.configs.schema import (
    Feature,
    FeatureSet,
    Living,
    Preprocessing,
    Table,
    Target,
)

_TABLE = "item"
_STATUS = Path("/proc/self/status")


@dataclasses.dataclass(frozen=True)
class Drift:
    """A stream of tokens whose popularity drifts.

    Attributes:
        spans: how many spans there are.
        tokens: how many distinct tokens occur in all spans together.
        draws: how many tokens a span draws, beside one of each new token.
        window: how many tokens may be drawn in a span; as many spans later they may
            not any more.
        seed: of the draws.
    """

    spans: int = 30
    tokens: int = 2_000_000
    draws: int = 500_000
    window: int = 200_000
    seed: int = 16

    def of_span(self, span: int) -> pa.Array:
        """Returns the tokens of a span, from 0 on: large_binary [n]."""
        rng = np.random.default_rng([self.seed, span])
        ends = np.linspace(0, self.tokens, self.spans + 1).astype(np.int64)
        new = np.arange(ends[span], ends[span + 1])
        first = max(0, ends[span + 1] - self.window)
        # Among those that may be drawn, some are much more frequent than others.
        ranks = rng.zipf(1.2, self.draws) % (ends[span + 1] - first)
        drawn = np.concatenate([new, first + ranks * 7919 % (ends[span + 1] - first)])
        rng.shuffle(drawn)
        text = pa.array(drawn).cast(pa.large_string())
        return text.cast(pa.large_binary())


class Lines:
    """The vocabulary as its file of lines has it, beside the one before.

    Attributes:
        moved: tokens that stayed in another row, of all spans.
        shared: lines that are there twice, of all spans.
        capacities: the numbers of lines that files had.
        reused: rows that have had more than one token, of all spans.
    """

    def __init__(self) -> None:
        """Begins without a token."""
        self._rows: dict[bytes, int] = {}
        self.moved = self.shared = self.reused = 0
        self.capacities: set[int] = set()

    def compare(self, file: Path) -> None:
        """Reads the next file."""
        lines = file.read_bytes().split(b"\n")[:-1]
        rows = {line: row for row, line in enumerate(lines)}
        self.shared += len(lines) - len(rows)
        self.capacities.add(len(lines))
        free = FREE_LINE.encode()
        rows = {t: row for t, row in rows.items() if not t.startswith(free)}
        before = self._rows
        self.moved += sum(before.get(t, row) != row for t, row in rows.items())
        taken = set(before.values())
        self.reused += sum(t not in before and row in taken for t, row in rows.items())
        self._rows = rows


def measure(folder: Path, drift: Drift, living: Living) -> dict[str, Any]:
    """Counts all spans, one after the other.

    Args:
        folder: for all files; that of each span is removed when the next one is done.
        drift: the tokens.
        living: how the vocabulary lives.
    """
    features = FeatureSet(
        features={_TABLE: Feature(table=_TABLE)},
        tables={_TABLE: Table(dim=1, living=living)},
    )
    preprocessing = features.preprocessing(Target())
    _reset_peak()
    lines, base, before, idle = Lines(), None, None, _peak_mb()
    spans = []
    for span in range(drift.spans):
        counts = folder / f"{span}.counts"
        occurrences = _write_counts(counts, drift.of_span(span))
        made = folder / str(span)
        _reset_peak()
        started, cpu_started = time.perf_counter(), time.process_time()
        base = _updated(made, counts, preprocessing, before, base)
        seconds = time.perf_counter() - started
        cpu_seconds, peak = time.process_time() - cpu_started, _peak_mb()
        changes = base.tables[_TABLE]
        spans.append(
            {
                "seconds": round(seconds, 3),
                "cpu_seconds": round(cpu_seconds, 3),
                "peak_mb": peak,
                "occurrences": occurrences,
                **changes.model_dump(include=_SHOWN),
            }
        )
        lines.compare(made / _TABLE)
        counts.unlink()
        _remove(before)
        before = made
        print(json.dumps(spans[-1]), file=sys.stderr, flush=True)
    return {
        "spans": spans,
        "tokens": drift.tokens,
        "capacity": living.capacity,
        "idle_mb": idle,
        "moved": lines.moved,
        "shared": lines.shared,
        "reused": lines.reused,
        "capacities": sorted(lines.capacities),
        **_growth(spans),
    }


_SHOWN = {"live", "admitted", "evicted", "kept", "moved", "waiting", "free", "capacity"}


def _growth(spans: list[dict[str, Any]]) -> dict[str, float]:
    """Returns how much more the last third of the spans took than the second."""
    third = len(spans) // 3
    growth = {}
    for key in ("seconds", "cpu_seconds", "peak_mb"):
        values = [span[key] for span in spans]
        middle, last = values[third : 2 * third], values[-third:]
        growth[f"{key}_growth"] = round(float(np.median(last) / np.median(middle)), 3)
    return growth


def _updated(
    made: Path,
    counts: Path,
    preprocessing: Preprocessing,
    before: Path | None,
    base: LivingVocabularies | None,
) -> LivingVocabularies:
    """Counts a span into the vocabulary before it, and writes the next one."""
    age = base.updates + 1 if base else 1
    folder = str(before) if before else None
    counting = Counting({str(age): age}, folder, base, (str(age),))
    written = made.with_suffix(".written")
    written.mkdir()
    _, changes = write_living_vocabulary(
        str(written), _TABLE, {age: [str(counts)]}, preprocessing, counting
    )
    saved = save_vocabularies(str(made), str(written), {_TABLE: changes}, counting)
    _remove(written)
    return saved


def _write_counts(file: Path, tokens: pa.Array) -> int:
    """Writes the counts of tokens; returns how many there are."""
    counted = TokenCounts()
    counted.add(tokens)
    file.write_bytes(to_bytes(counted.drain()))
    return len(tokens)


def _remove(folder: Path | None) -> None:
    for file in folder.iterdir() if folder else ():
        file.unlink()
    if folder:
        folder.rmdir()


def _reset_peak() -> None:
    """Has the system forget how much memory the process once had."""
    pa.default_memory_pool().release_unused()
    Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> int:
    """Returns the most memory that the process had since, in 10**6 bytes."""
    (line,) = [s for s in _STATUS.read_text().splitlines() if s.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 // 10**6


def main() -> dict[str, Any]:
    """Returns what the spans took, and what the files of lines show."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    for field in dataclasses.fields(Drift):
        parser.add_argument(f"--{field.name}", type=int, default=field.default)
    parser.add_argument("--capacity", type=int, default=200_000)
    parser.add_argument("--evict-after", type=int, default=6)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True)
    drift = Drift(
        **{f.name: getattr(arguments, f.name) for f in dataclasses.fields(Drift)}
    )
    living = Living(
        capacity=arguments.capacity, decay=0.9, evict_after=arguments.evict_after
    )
    return measure(arguments.folder, drift, living)


if __name__ == "__main__":
    say_result_of(main)
