"""A run of the whole pipeline: processor time of each component, bytes of examples.

    python -m benchmarks.scale.programs.pipeline FOLDER ROWS IDS

Makes ROWS rows of CSV in a new folder, each with a list of IDS ids, runs
`shardline run` on them in a process, and prints {"cpu_s": {component: seconds},
"bytes": of the raw and the transformed examples}. A component's processor time is that
of all processes of the run between the lines that say that two components are done.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil

from benchmarks.progress import done_in

EPOCHS = 8
_TOKENS = 50_000
_ZIPF = 1.2
_CONFIGURATION = {
    "name": "scale",
    "data": {
        "files": {
            "format": "csv",
            "splits": {"train": "train.csv", "eval": "eval.csv"},
        },
        "label": "label",
    },
    "features": {
        "user": {"table": "item"},
        "seen": {"table": "item", "combiner": "mean"},
    },
    "numbers": {"number": {"scale": "z_score"}},
    "tables": {"item": {"dim": 16}},
    "model": {"options": {"hidden_units": [16]}},
    "training": {"batch_size": 1024, "epochs": EPOCHS},
    "evaluation": {"min_auc": 0.0},
    # Others import TensorFlow first, which is no cost of a row.
    "worker_processes": {"default": 1},
}


def main() -> None:
    """Makes the rows, runs the pipeline and says what it took."""
    folder, rows, ids = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True)
    # As many are judged as are trained on, so that both costs have the same rows.
    _write_rows(folder / "train.csv", rows, ids, seed=1)
    _write_rows(folder / "eval.csv", rows, ids, seed=2)
    data = {**_CONFIGURATION["data"], "path": str(folder.resolve())}
    config = folder / "scale.yaml"
    config.write_text(json.dumps({**_CONFIGURATION, "data": data}))
    cpu_s = _run(config, folder / "run")
    artifacts = folder / "run/artifacts"
    bytes_of = {
        component: _bytes(artifacts / component / output, "Split-train/*")
        for component, output in (
            ("ReaderExampleGen", "examples"),
            ("FeatureTransform", "transformed_examples"),
        )
    }
    print(json.dumps({"cpu_s": cpu_s, "bytes": bytes_of}))


def _write_rows(path: Path, rows: int, ids: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = rng.zipf(_ZIPF, (rows, ids)) % _TOKENS
    users, numbers = rng.integers(_TOKENS, size=rows), rng.normal(size=rows)
    labels = rng.integers(2, size=rows)
    with path.open("w") as file:
        file.write("user,seen,number,label\n")
        for user, seen, number, label in zip(
            users, drawn, numbers, labels, strict=True
        ):
            listed = "|".join(f"item-{one:07}" for one in seen)
            file.write(f"item-{user:07},{listed},{number:.4f},{label}\n")


def _run(config: Path, output_dir: Path) -> dict[str, float]:
    """Runs the pipeline; returns the processor time of each component, in seconds.

    Raises:
        RuntimeError: if the run fails.
    """
    command = Path(sys.executable).with_name("shardline")
    spent: dict[str, float] = {}
    with subprocess.Popen(
        [command, "run", config, "--output-dir", output_dir],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        run, before = psutil.Process(process.pid), 0.0
        for line in process.stdout:
            print(line, end="", file=sys.stderr)
            if done := done_in(line):
                total = _cpu_s(run)
                spent[done.component], before = total - before, total
    if process.returncode:
        raise RuntimeError(f"The run ended with exit code {process.returncode}.")
    return spent


def _cpu_s(run: psutil.Process) -> float:
    """Returns processor time of a process and all that it started, in seconds."""
    total = 0.0
    for process in (run, *run.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        total += times.children_user + times.children_system
    return total


def _bytes(folder: Path, pattern: str) -> int:
    return sum(file.stat().st_size for file in folder.glob(f"*/{pattern}"))


if __name__ == "__main__":
    main()
