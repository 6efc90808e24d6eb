"""What all tests share: logical hosts, the synthetic archive and one finished run.

TensorFlow fixes its devices when its runtime starts, so three logical hosts are set
here, before any test module is imported.
"""

import dataclasses
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import pytest

_USER_ENVIRONMENT = dict(os.environ)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from shardline.embedding import configure_logical_hosts  # noqa: E402

configure_logical_hosts(3)

_HERE = Path(__file__).parent
_TIME_LIMIT_S = 600
# Tables stay tables, however long the paths of temporary folders are.
_WIDE = {"COLUMNS": "200"}
_GUARDED_PATH = os.pathsep.join(
    filter(None, [str(_HERE / "guarded"), os.environ.get("PYTHONPATH", "")])
)

# The environment has a package `tests` already. Under this name, which is free, the
# other conftests and parametrized test modules import `load`.
sys.modules["shardline_tests"] = sys.modules[__name__]


@dataclasses.dataclass(frozen=True)
class Finished:
    """A command that came to its end.

    Attributes:
        returncode: its exit code.
        lines: what it printed, stdout and stderr together.
        times_s: when each line came, in seconds after the start.
        seconds: how long it took.
    """

    returncode: int
    lines: list[str]
    times_s: list[float]
    seconds: float

    @property
    def text(self) -> str:
        """All that was printed, its line breaks as single spaces."""
        return " ".join(" ".join(self.lines).split())

    @property
    def components(self) -> dict[str, str]:
        """How each component came to its end, by its id."""
        words = [line.split() for line in self.lines if not line.startswith(" ")]
        return {
            word[0]: word[1]
            for word in words
            if len(word) == 4 and word[3] == "s" and word[1] != "in"
        }


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """A run of the whole pipeline.

    Attributes:
        config: its configuration.
        output_dir: where its outputs are.
        finished: how the command went.
        attempts: the file of addresses that it tried to reach; absent for none.
    """

    config: Path
    output_dir: Path
    finished: Finished
    attempts: Path

    def artifact(self, component: str, output: str) -> Path:
        """Returns the folder of the newest artifact of an output."""
        folder = self.output_dir / "artifacts" / component / output
        return max(folder.iterdir(), key=lambda path: int(path.name))

    @property
    def published(self) -> Path:
        """The folder of the newest published version."""
        versions = (self.output_dir / "serving").glob("[0-9]*")
        return max(versions, key=lambda path: int(path.name))


def load(path: str | Path) -> ModuleType:
    """Loads a module of this folder by its path, once.

    Args:
        path: below this folder, or absolute.
    """
    path = _HERE / path
    parts = path.relative_to(_HERE).with_suffix("").parts
    name = "_".join(["shardline_tests", *parts])
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


guard = load(_HERE / "guarded" / "sitecustomize.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts files with slow tests first: last, one would keep a single core busy.

    Processes take files in this order, for `make test` does not let pytest-xdist put
    those with the fewest tests last, which are the longest here.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def no_address_is_reached() -> Iterator[None]:
    """Fails a test that tries to reach another machine, also if it hides the error."""
    before = len(guard.attempts)
    yield
    assert guard.attempts[before:] == []


@pytest.fixture(scope="session")
def shardline(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Finished]:
    """Runs the installed command as a user would, in a folder of its own.

    With a file for `attempts` it can reach no other machine, and notes what it tried.
    What is in `environment` is added to that of the user.
    """
    command = Path(sys.executable).with_name("shardline")
    folder = tmp_path_factory.mktemp("cwd")

    def run(
        *arguments: str | Path,
        attempts: Path | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Finished:
        guarded = {"PYTHONPATH": _GUARDED_PATH, guard.ATTEMPTS_FILE: str(attempts)}
        started_s = time.monotonic()
        process = subprocess.Popen(
            [str(part) for part in (command, *arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=folder,
            env=_USER_ENVIRONMENT
            | _WIDE
            | (guarded if attempts else {})
            | {**environment},
        )
        lines, times_s = [], []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            times_s.append(time.monotonic() - started_s)
        returncode = process.wait(_TIME_LIMIT_S)
        return Finished(returncode, lines, times_s, time.monotonic() - started_s)

    return run


@pytest.fixture(scope="session")
def movielens_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic archive in the format of MovieLens-100K."""
    path = tmp_path_factory.mktemp("data") / "ml-100k.zip"
    load(_HERE / "components" / "movielens_fixture.py").write_movielens_zip(path)
    return path


@pytest.fixture(scope="session")
def small_config(
    movielens_zip: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Writes the small configuration, with pieces of its text replaced."""
    text = (_HERE / "data" / "small.yaml").read_text()
    text = text.replace("ARCHIVE", str(movielens_zip))

    def write(**replaced: str) -> Path:
        changed = text
        for key, value in replaced.items():
            before, old, after = changed.partition(f"{key}: ")
            assert old, f"{key} is not in the configuration"
            changed = before + old + value + after[after.index("\n") :]
        path = tmp_path_factory.mktemp("config") / "small.yaml"
        path.write_text(changed)
        return path

    return write


@pytest.fixture(scope="session")
def spans_config(movielens_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small configuration, its data by months and its vocabularies living."""
    text = (_HERE / "data" / "small.yaml").read_text()
    for old, new in {
        "name: small": "name: small_spans",
        "ARCHIVE": str(movielens_zip),
        "options: {eval_fraction: 0.25, history_length: 10}": (
            "options: {history_length: 10}\n"
            "  spans: {column: timestamp, every: month, first: 1997-10}"
        ),
        "user:  {dim: 8": "user:  {dim: 8, living: {capacity: 40, evict_after: 2}",
        "movie: {dim: 8, min_count: 3": (
            "movie: {dim: 8, living: {capacity: 90}, min_count: 2"
        ),
        "steps: 120": "epochs: 4",
        "batch_size: 128": "batch_size: 32",
        "min_auc: 0.55": (
            "min_auc: 0\n  group_by: user_id\n"
            "  regression: {auc: 0.5, normalized_entropy: 1, calibration: 5}"
        ),
    }.items():
        assert old in text, old
        text = text.replace(old, new)
    text += "\npublishing: {mode: delta, max_delta: 1.0}\n"
    path = tmp_path_factory.mktemp("config") / "spans.yaml"
    path.write_text(text)
    return path


@pytest.fixture(scope="session")
def finished_run(
    shardline: Callable[..., Finished],
    small_config: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> FinishedRun:
    """One run of the whole pipeline, by the real command. Not to be changed."""
    config = small_config()
    output_dir = tmp_path_factory.mktemp("finished") / "run"
    attempts = output_dir.with_name("attempts")
    finished = shardline("run", config, "--output-dir", output_dir, attempts=attempts)
    assert finished.returncode == 0, "\n".join(finished.lines)
    return FinishedRun(config, output_dir, finished, attempts)


@pytest.fixture
def buckets(tmp_path: Path) -> Iterator[Any]:
    """Buckets of `bucket://`, which this process knows: `bucket/buckets.py`."""
    with load("bucket/buckets.py").buckets_in(tmp_path / "buckets") as buckets:
        yield buckets


@pytest.fixture(scope="session")
def client_build() -> ModuleType:
    """The module that builds the C client."""
    return load(_HERE / "clients" / "build.py")


@pytest.fixture(scope="session")
def score_client(
    client_build: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The executable that scores serialized examples without Python."""
    return client_build.build_score_client(tmp_path_factory.mktemp("score_client"))
