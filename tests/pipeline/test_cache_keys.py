"""The keys of components change with the code that they depend on, and with no other.

The real tree is copied, since no test may change it.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("components", "configs", "embedding", "pipeline")
# Appends a comment to one file after another, and tells whose parameters it changed.
PROGRAM = """
import json, sys
from pathlib import Path
import shardline
from shardline.configs import load_run
from shardline.pipeline.pipeline import create_pipeline

config, *files = sys.argv[1:]
root = Path(shardline.__file__).parent

def parameters():
    pipeline = create_pipeline(
        load_run(Path(config)),
        pipeline_root="/root",
        data_path="/data",
        data_version="1",
        serving_dir="/serving",
    )
    return {node.id: dict(node.exec_properties) for node in pipeline.components}

changed = {}
before = parameters()
for file in files:
    with (root / file).open("r+") as written:
        written.seek(0, 2)
        written.write("# changed\\n" if file.endswith(".py") else "// changed\\n")
    after = parameters()
    changed[file] = sorted(name for name in before if before[name] != after[name])
    before = after
print(json.dumps(changed))
"""
CHANGES = {
    # The package of files gives names of all its modules, so whoever imports one of
    # them depends on all. They would run again anyway, for their inputs change.
    "components/readers/files/formats/csv/rows.py": [
        "Exporter",
        "FeatureTransform",
        "ReaderExampleGen",
        "StatisticsGen",
        "Trainer",
    ],
    "components/readers/movielens/history.py": ["ReaderExampleGen", "ReaderSchemaGen"],
    "components/features/ids/tensor_tokens.py": [
        "Exporter",
        "FeatureTransform",
        "Trainer",
    ],
    "components/trainer/loop.py": ["Trainer"],
    "components/validator/replay/program.py": ["ServingValidator"],
    "components/exporter/quantization/program.py": ["Exporter"],
    "components/pusher/retention.py": ["Pusher"],
    "components/evaluation/binary.py": ["Evaluator", "Exporter", "Trainer"],
    "components/planner/planning.py": [],
    "pipeline/summary.py": [],
}


@pytest.fixture(scope="module")
def changed(
    tmp_path_factory: pytest.TempPathFactory, small_config: Callable[..., Path]
) -> dict[str, list[str]]:
    """The components whose parameters changed, by the file that was changed."""
    folder = tmp_path_factory.mktemp("copy")
    (folder / "shardline").mkdir()
    shutil.copy(ROOT / "__init__.py", folder / "shardline")
    for package in COPIED:
        shutil.copytree(
            ROOT / package,
            folder / "shardline" / package,
            ignore=shutil.ignore_patterns("__pycache__", "*.so"),
        )
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(small_config()), *CHANGES],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.mark.parametrize("file", CHANGES)
def test_changed_code_changes_the_keys_of_what_depends_on_it_alone(
    changed: dict[str, list[str]], file: str
) -> None:
    assert changed[file] == CHANGES[file]
