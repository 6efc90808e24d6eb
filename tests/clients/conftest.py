"""The built C client, once a session."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def client_build() -> ModuleType:
    """The module that builds the client, loaded by path."""
    path = Path(__file__).with_name("build.py")
    spec = importlib.util.spec_from_file_location("score_client_build", path)
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    return build


@pytest.fixture(scope="session")
def score_client(
    client_build: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The executable that scores serialized examples without Python."""
    return client_build.build_score_client(tmp_path_factory.mktemp("score_client"))
