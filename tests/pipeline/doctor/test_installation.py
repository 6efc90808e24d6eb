"""Which packages are required and installed, and how far imports come."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.pipeline.doctor import installation
from shardline.pipeline.doctor.installation import Imports

VERSIONS = {"tensorflow": "2.21.0", "tfx": "1.21.0", "tfdv": "1.16.1"}
LOCK = """\
# Written by
#    make lock
absl-py==1.4.0 \\
    --hash=sha256:0d3f \\
    --hash=sha256:d2c2
    # via
    #   keras
PyYAML==6.0.3 --hash=sha256:aaaa
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:bbbb
numpy==2.4.6
"""


def completed(
    returncode: int = 0, stdout: bytes = b"", stderr: bytes = b""
) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """A `subprocess.run` whose every command ends so."""
    return lambda command, **_: subprocess.CompletedProcess(
        command, returncode, stdout, stderr
    )


def test_lock_text_gives_names_and_versions_of_this_platform() -> None:
    locked = installation.parse_lock(LOCK)

    assert [str(one) for one in locked] == [
        "absl-py==1.4.0",
        "PyYAML==6.0.3",
        "numpy==2.4.6",
    ]


def test_lock_beside_the_package_is_preferred(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(LOCK)

    assert installation.required_packages(lock, "pytest") == installation.parse_lock(
        LOCK
    )


def test_absent_lock_falls_back_to_the_distributions_requirements(
    tmp_path: Path,
) -> None:
    required = installation.required_packages(tmp_path / "absent", "pytest")

    assert required is not None
    names = {one.name for one in required}
    assert "pluggy" in names
    assert "hypothesis" not in names, "an extra was taken for a requirement"


def test_absent_lock_asks_for_what_a_pipeline_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    metadata = tmp_path / "some_project-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(
        "Name: some-project\nVersion: 1.0\n"
        "Requires-Dist: tensorflow<2.22,>=2.20\n"
        'Requires-Dist: tensorflow==2.21.0; extra == "pipeline"\n'
        'Requires-Dist: tfx==1.21.0; extra == "pipeline"\n'
        'Requires-Dist: aiohttp>=3.13; extra == "serve"\n'
    )
    monkeypatch.setattr("sys.path", [str(tmp_path)])

    required = installation.required_packages(tmp_path / "absent", "some-project")

    assert list(map(str, required or ())) == [
        "tensorflow<2.22,>=2.20",
        'tensorflow==2.21.0; extra == "pipeline"',
        'tfx==1.21.0; extra == "pipeline"',
    ]


def test_absent_lock_and_distribution_give_no_requirements(tmp_path: Path) -> None:
    absent = tmp_path / "absent"

    assert installation.required_packages(absent, "no-such-distribution") is None


def test_installed_packages_leave_out_remains_and_hidden_doubles(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for place, version in (("first", "2.0"), ("second", "1.0")):
        metadata = tmp_path / place / f"Some_Thing-{version}.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(f"Name: Some_Thing\nVersion: {version}\n")
    (tmp_path / "first" / "gone-1.0.dist-info").mkdir()
    monkeypatch.setattr("sys.path", [str(tmp_path / "first"), str(tmp_path / "second")])

    assert installation.installed_packages() == {"some-thing": "2.0"}


def stage(**reached: object) -> bytes:
    """What the importing process prints at one stage, with noise before it."""
    return b"a notice\n\nstage" + json.dumps(reached).encode() + b"\n"


FIRST_STAGE = stage(tensorflow="2.21.0", devices=["CPU"])
KERNELS_STAGE = stage(kernels="")
SECOND_STAGE = stage(tfx="1.21.0", tfdv="1.16.1")


def test_imports_that_succeed_give_versions_and_devices() -> None:
    stdout = FIRST_STAGE + KERNELS_STAGE + SECOND_STAGE
    run = completed(stdout=stdout, stderr=b"a warning\n")

    assert installation.try_imports(run) == Imports(VERSIONS, ("CPU",), kernels="")


@pytest.mark.parametrize(
    ("returncode", "stdout", "stderr", "versions", "fault"),
    [
        (1, b"", b"Traceback\nImportError: x\n", {}, "ImportError: x"),
        (1, FIRST_STAGE, b"ImportError: y\n", {"tensorflow": "2.21.0"}, "y"),
        (3, b"", b"", {}, "the process ended with exit code 3"),
        (-4, b"", b"", {}, "the process was ended by SIGILL"),
    ],
    ids=["tensorflow", "tfx", "silent", "signal"],
)
def test_imports_that_fail_give_what_was_reached_and_the_fault(
    returncode: int, stdout: bytes, stderr: bytes, versions: dict[str, str], fault: str
) -> None:
    imports = installation.try_imports(completed(returncode, stdout, stderr))

    assert imports.versions == versions
    assert imports.fault.endswith(fault)


@pytest.mark.parametrize("stdout", [None, FIRST_STAGE])
def test_imports_that_hang_are_ended(stdout: bytes | None) -> None:
    def hang(
        command: list[str], *, timeout: float, **_: object
    ) -> subprocess.CompletedProcess[bytes]:
        raise subprocess.TimeoutExpired(command, timeout, output=stdout)

    imports = installation.try_imports(hang, limit_s=7)

    assert imports.fault == "no end within 7 s"
    assert ("tensorflow" in imports.versions) == (stdout is not None)
