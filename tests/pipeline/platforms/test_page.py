"""docs/kubeflow.md: its commands run, with servers of this machine; its YAML loads."""

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load
from typer.testing import CliRunner

import shardline
from shardline import configs
from shardline.configs import load_run
from shardline.pipeline.commands.app import app

pytestmark = pytest.mark.orchestration
servers = load("platform/servers.py")
PAGE = (Path(shardline.__file__).parent / "docs" / "kubeflow.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    """Returns the words of each command of the page, in their order."""
    lines = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


@pytest.fixture
def folder(
    small_config: Callable[..., Path],
    kubeflow_server: Any,
    vertex_server: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Where the commands run, with the configurations that they name."""
    (tmp_path / "configs").mkdir()
    shipped = Path(configs.__file__).with_name("movielens.yaml")
    shutil.copy(shipped, tmp_path / "configs")
    (tmp_path / "run.yaml").write_text(
        small_config().read_text()
        + servers.configuration(kubeflow_server, vertex_server)
        + "schedule: {cron: 30 3 * * *, missed: once}\n"
    )
    for server in (kubeflow_server, vertex_server):
        server.ends_as = "SUCCEEDED"
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_of_the_page_run(folder: Path) -> None:
    found = commands()
    assert len(found) == 9

    for program, *arguments in found:
        assert program == "shardline"
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, f"{arguments}: {result.output}"

    assert (folder / "movielens.yaml").is_file()


@pytest.mark.parametrize("text", blocks("yaml"), ids=lambda text: text.split(":")[0])
def test_yaml_of_the_page_is_that_of_a_configuration(
    small_config: Callable[..., Path], text: str
) -> None:
    config = small_config()
    config.write_text(f"{config.read_text()}\n{text}")

    load_run(config)
