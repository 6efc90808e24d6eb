"""A run of the last version before `shardline.*`, which `make_run.py` made."""

import tarfile
from pathlib import Path

import pytest
from tfx.types import artifact_utils, standard_artifacts

from shardline.components.contracts.artifacts import HostShardedCheckpoint
from shardline.components.exporter.executor import Executor
from shardline.configs.schema import Serving

ARCHIVE = Path(__file__).with_name("run.tar.xz")


@pytest.fixture(scope="session")
def old_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run. Not to be changed."""
    folder = tmp_path_factory.mktemp("old") / "run"
    with tarfile.open(ARCHIVE) as packed:
        packed.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def exported(old_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model that today's Exporter makes of the old checkpoint."""
    checkpoint = HostShardedCheckpoint()
    graph = standard_artifacts.TransformGraph()
    examples = standard_artifacts.Examples()
    model = standard_artifacts.Model()
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    checkpoint.uri = str(old_run / "checkpoint")
    graph.uri = str(old_run / "transform_graph")
    examples.uri = str(old_run / "examples")
    model.uri = str(tmp_path_factory.mktemp("exported"))
    Executor().Do(
        {
            "checkpoint": [checkpoint],
            "transform_graph": [graph],
            "examples": [examples],
        },
        {"model": [model]},
        {
            "serving": Serving().model_dump_json(),
            "model_name": "tiny",
            "code_version": "1",
        },
    )
    return Path(model.uri) / "Format-Serving"
