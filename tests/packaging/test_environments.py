"""The engine needs TensorFlow and numpy alone; the commands need extras."""

import shutil
import subprocess
from pathlib import Path

import pytest
from shardline_tests import load

from shardline.embedding.native.build import is_whole, library_path

HERE = Path(__file__).parent
bare_variables = load(HERE / "conftest.py").bare_variables


def run(command, folder, **variables):
    """Runs a program in a folder that is no checkout."""
    return subprocess.run(
        command,
        cwd=folder,
        env=bare_variables(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def bare(environment):
    """An environment of the base, with the library of kernels if it is built."""
    programs = environment()
    library = library_path()
    if is_whole(library):
        (native,) = programs.parent.glob("lib/*/site-packages/shardline/embedding/nat*")
        (native / "build").mkdir()
        for file in (library, library.with_suffix(".sha256")):
            shutil.copy(file, native / "build")
    return programs


@pytest.mark.parametrize("kernels", ["stock", "native"])
def test_engine_trains_saves_restores_and_serves_alone(bare, tmp_path, kernels):
    if kernels == "native" and not is_whole(library_path()):
        pytest.skip("the native kernels are not built")
    python = str(bare / "python")
    trained = run(
        [python, str(HERE / "train_program.py"), str(tmp_path)],
        tmp_path,
        SHARDLINE_KERNELS=kernels,
    )
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.strip() == "foreign:"
    served = run([python, str(HERE / "serve_program.py"), str(tmp_path)], tmp_path)
    assert served.returncode == 0, served.stderr
    assert served.stdout.strip() == "answered: history user False"


@pytest.mark.parametrize(
    ("arguments", "extra"), [(["--help"], "pipeline"), (["serve", "m"], "serve")]
)
def test_command_without_its_extra_says_which_to_install(
    bare, tmp_path, arguments, extra
):
    ended = run([str(bare / "shardline"), *arguments], tmp_path)
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("shardline: the module ")
    assert line.endswith(f"`{extra}`: pip install 'shardline[{extra}]'")


def test_server_needs_its_own_extra_only(environment, tmp_path):
    programs = environment("serve")
    helped = run([str(programs / "shardline"), "serve", "--help"], tmp_path)
    assert helped.returncode == 0, helped.stderr
    assert "--rest-port" in helped.stdout
    imported = run(
        [str(programs / "python"), "-c", "import shardline.components.server.server"],
        tmp_path,
    )
    assert imported.returncode == 0, imported.stderr
    ended = run([str(programs / "shardline"), "doctor"], tmp_path)
    assert "Traceback" not in ended.stderr
