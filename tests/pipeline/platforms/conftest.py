"""A package that was compiled once, and servers that take it."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

servers = load("platform/servers.py")
PLATFORM = """
platform:
  image: registry/shardline:1
  pipeline_root: gs://bucket/artifacts
  serving_dir: gs://bucket/serving
  data_path: gs://bucket/data.zip
"""


@pytest.fixture
def kubeflow_server() -> Iterator[Any]:
    with servers.serving(servers.Kubeflow()) as server:
        yield server


@pytest.fixture
def vertex_server() -> Iterator[Any]:
    with servers.serving(servers.Vertex()) as server:
        yield server


@pytest.fixture(scope="session")
def packages(
    spans_config: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Any]:
    """The pipeline of spans, compiled for a platform; the second time another run."""
    from shardline.configs import load_run
    from shardline.pipeline.platforms.submission import packed
    from shardline.pipeline.platforms.target import target_of

    folder = tmp_path_factory.mktemp("packages")
    config = folder / "config.yaml"
    config.write_text(
        f"{spans_config.read_text()}{PLATFORM}  labels: {{team: reco}}\n"
        "resources: {Trainer: {cpu: 2, accelerator: {type: nvidia-l4}}}\n"
    )
    run, made = load_run(config), {}

    def package(runner: str, **changes: Any) -> Any:
        if runner not in made:
            target = target_of(run, runner, {}, config)
            made[runner] = packed(run, target, folder, config)
        return dataclasses.replace(made[runner], **changes)

    return package
