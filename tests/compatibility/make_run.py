"""Made `run.tar.xz` with commit 75ad041, the last one before `shardline.*`.

The tests beside it hold today's code against that run. It is not to be made again by
other code. Should another old version ever be asked for, this is how this one was made:

    git worktree add /tmp/old 75ad041
    cd /tmp/old && TF_CPP_MIN_LOG_LEVEL=3 python -m embedding.native
    PYTHONPATH=/tmp/old python tests/compatibility/make_run.py /tmp/old run.tar.xz

It runs the small configuration of the tests, smaller still, and keeps what the next
steps read: the checkpoint, the transform graph, and the folder of published versions.
`values.npz` is what the old engine held once it had restored the checkpoint:
`<table>` float32 [rows, dim], and `<table>/<slot>` beside it.
"""

import importlib.util
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np

RUN = Path("/tmp/shardline-75ad041")
CHANGES = {
    "name: small": "name: tiny",
    "history_length: 10": "history_length: 4",
    "max_sequence_length: 10": "max_sequence_length: 4",
    "dim: 8": "dim: 4",
    "min_count: 3": "min_count: 2",
    "hidden_units: [16]": "hidden_units: [4]",
    "batch_size: 128": "batch_size: 16",
    "steps: 120": "steps: 24",
    "min_auc: 0.55": "min_auc: 0.01",
    "parity_examples: 200": "parity_examples: 16",
}
KEPT = {
    "checkpoint": "artifacts/Trainer/checkpoint/*",
    "transform_graph": "artifacts/FeatureTransform/transform_graph/*",
    "examples": "artifacts/FeatureTransform/transformed_examples/*",
    "serving": "serving",
}


def write_config(code: Path) -> Path:
    """Writes the archive of ratings and the configuration; returns the latter."""
    path = code / "tests" / "components" / "movielens_fixture.py"
    spec = importlib.util.spec_from_file_location("movielens_fixture", path)
    assert spec is not None
    assert spec.loader is not None
    fixture = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fixture)
    archive = RUN / "ml-100k.zip"
    fixture.write_movielens_zip(archive, users=16, movies=12, ratings_per_user=8)
    text = (code / "tests" / "data" / "small.yaml").read_text()
    for old, new in {"ARCHIVE": str(archive), **CHANGES}.items():
        assert old in text
        text = text.replace(old, new)
    config = RUN / "tiny.yaml"
    config.write_text(text)
    return config


def restored(checkpoint: Path) -> dict[str, np.ndarray]:
    """Returns the tables and slots of a checkpoint, restored by the old code."""
    from components.checkpoint_manifest import checkpoint_prefix, load_manifest

    from components.trainer.learner import new_learner
    from configs.schema import Training

    manifest = load_manifest(str(checkpoint))
    training = Training(batch_size=16, steps=24, hosts=manifest.hosts)
    learner = new_learner(manifest.feature_set, manifest.rows, manifest.model, training)
    status = learner.checkpoint().read(checkpoint_prefix(str(checkpoint)))
    status.assert_consumed()
    engine = learner.engine
    values = {}
    for config, table in engine.embedding_tables.items():
        named = {config.name: table}
        for slot, variable in engine.slot_variables[config].items():
            named[f"{config.name}/{slot}"] = variable
        for name, variable in named.items():
            shards = [shard.numpy() for shard in variable.variables]
            values[name] = np.concatenate(shards)
    return values


def main(code: Path, archive: Path) -> None:
    """Runs the pipeline, and packs what is kept."""
    RUN.mkdir()
    command = "from pipeline.cli import app; app()"
    output_dir = RUN / "run"
    arguments = ["run", str(write_config(code)), "--output-dir", str(output_dir)]
    environment = {**os.environ, "PYTHONPATH": str(code)}
    subprocess.run(
        [sys.executable, "-c", command, *arguments], env=environment, check=True
    )
    found = {name: next(output_dir.glob(path)) for name, path in KEPT.items()}
    np.savez_compressed(RUN / "values.npz", **restored(found["checkpoint"]))
    found |= {"values.npz": RUN / "values.npz", "tiny.yaml": RUN / "tiny.yaml"}
    with tarfile.open(archive, "w:xz") as packed:
        for name, path in found.items():
            packed.add(path, name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
