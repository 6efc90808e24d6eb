"""A finished run whose users and movies have distinctive ids."""

import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shardline_tests import Finished, FinishedRun

_NAMES = {"user_id": "user", "item_id": "movie"}


def _named(row: list[str], header: list[str]) -> list[str]:
    kinds = [_NAMES.get(column.partition(":")[0]) for column in header]
    return [
        f"{kind}-{int(value):04}" if kind else value
        for kind, value in zip(kinds, row, strict=True)
    ]


@pytest.fixture(scope="session")
def named_zip(movielens_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic archive, in which user 17 is `user-0017`."""
    path = tmp_path_factory.mktemp("named") / "ml-100k.zip"
    with zipfile.ZipFile(movielens_zip) as source, zipfile.ZipFile(path, "w") as made:
        for name in source.namelist():
            lines = source.read(name).decode().splitlines()
            header, *rows = [line.split("\t") for line in lines]
            named = [header, *(_named(row, header) for row in rows)]
            text = "".join("\t".join(row) + "\n" for row in named)
            made.writestr(name, text)
    return path


@pytest.fixture(scope="session")
def named_run(
    named_zip: Path,
    shardline: Callable[..., Finished],
    small_config: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> FinishedRun:
    """A run of it. Not to be changed."""
    config = small_config(path=str(named_zip))
    output_dir = tmp_path_factory.mktemp("named") / "run"
    finished = shardline("run", config, "--output-dir", output_dir)
    assert finished.returncode == 0, "\n".join(finished.lines)
    return FinishedRun(config, output_dir, finished, output_dir.with_name("attempts"))


@pytest.fixture
def run_in_place(named_run: FinishedRun, tmp_path: Path) -> Iterator[FinishedRun]:
    """The run itself, which only where it was made can go on; put back at the end."""
    kept = tmp_path / "kept"
    shutil.copytree(named_run.output_dir, kept)
    yield named_run
    shutil.rmtree(named_run.output_dir)
    shutil.copytree(kept, named_run.output_dir)


@pytest.fixture
def copied_run(named_run: FinishedRun, tmp_path: Path) -> FinishedRun:
    """A copy of the run folder, elsewhere."""
    folder = tmp_path / "copied"
    shutil.copytree(named_run.output_dir, folder)
    return FinishedRun(named_run.config, folder, named_run.finished, tmp_path / "none")
