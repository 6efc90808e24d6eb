"""What an image installs: the part of the lock that its extras need, and no more."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from shardline_tests import load

from shardline.pipeline.image.locked import needed, of_extras, read_lock

wheel = load("packaging/conftest.py")
LOCK = (wheel.ROOT / "requirements.lock").read_text()
SCRIPT = wheel.ROOT / "pipeline" / "image" / "locked.py"


def printed(*arguments: str, folder: Path = wheel.ROOT) -> tuple[str, str]:
    """Returns what the script prints, as it runs in a build: by itself."""
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (1 if done.stderr else 0)
    return done.stdout, done.stderr


def closure(required: list[Requirement]) -> set[str]:
    """Returns what installed packages say that they need, extras included."""
    found: set[tuple[str, str]] = set()
    waiting = [(one, extra) for one in required for extra in ("", *one.extras)]
    while waiting:
        requirement, extra = waiting.pop()
        key = (canonicalize_name(requirement.name), extra)
        if key in found:
            continue
        found.add(key)
        for line in importlib.metadata.requires(requirement.name) or ():
            one = Requirement(line)
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                waiting += [(one, asked) for asked in ("", *one.extras)]
    return {name for name, _ in found}


@pytest.mark.parametrize("extras", [["serve"], ["pipeline", "serve"]])
def test_part_is_what_installed_packages_say_that_they_need(extras: list[str]) -> None:
    part, _ = printed("--extras", *extras)

    assert read_lock(part).keys() == closure(wheel.requirements(extras))


def test_part_has_versions_and_hashes_of_the_lock() -> None:
    part, _ = printed("--extras", "serve")

    assert 0 < len(read_lock(part)) < len(read_lock(LOCK)) / 3
    for entry in read_lock(part).values():
        assert entry.text in LOCK
        assert re.search(r"==\S+ \\\n    --hash=sha256:", entry.text)


def test_server_gets_no_pipeline() -> None:
    part, _ = printed("--extras", "serve")

    assert {"tfx", "apache-beam", "kfp", "uv", "pytest"} & read_lock(
        part
    ).keys() == set()
    assert {"tensorflow", "aiohttp", "typer"} <= read_lock(part).keys()


def test_one_package_comes_without_the_project() -> None:
    part, _ = printed("--package", "uv")

    assert list(read_lock(part)) == ["uv"]


def test_names_are_compared_in_their_canonical_form() -> None:
    lock = read_lock("A_b==1 \\\n    --hash=sha256:0\n    # via\n    #   c.D\nc-d==2\n")

    assert list(lock) == ["a-b", "c-d"]
    assert len(needed(lock, {"c-d"})) == 2
    assert needed(lock, {"a-b"}) == [lock["a-b"].text]
    project = {
        "dependencies": ["C.d>=1"],
        "optional-dependencies": {"x": ["A-B [z] >1 ; python_version > '3'"]},
    }
    assert of_extras(project, ["x"]) == {"a-b", "c-d"}


def test_extra_that_is_not_there_is_told() -> None:
    _, told = printed("--extras", "serve", "survey")

    assert told.startswith(
        "pyproject.toml: no extra is called 'survey'; there are dask, dev, "
    )
    assert told.count("\n") == 1


def test_package_that_the_lock_lacks_is_told() -> None:
    _, told = printed("--package", "left-pad")

    assert told == "requirements.lock: it has no left-pad; run `make lock`.\n"


def test_folder_that_is_no_checkout_is_told(tmp_path: Path) -> None:
    _, told = printed("--package", "uv", folder=tmp_path)

    assert told == "requirements.lock: No such file or directory.\n"
