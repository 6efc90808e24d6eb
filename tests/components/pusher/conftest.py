"""Models to publish: files with a token, and rows that a delta can find."""

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shardline.components.contracts.model_folder import PUBLICATION_FILE
from shardline.components.pusher.agent import update
from shardline.components.pusher.deltas.rebuild import rebuilt
from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import Published, publish_model
from shardline.components.pusher.stores import local_store
from shardline.components.pusher.stores.local_store import LocalStore
from shardline.components.pusher.stores.stores import open_store
from shardline.configs.serving import Publishing

DATA_FILE = "variables/variables.data-00000-of-00001"
ROW_BYTES = 12
HEAD = b"0123456"  # before the rows, of a length that aligns nothing

WriteModel = Callable[..., Path]
Publish = Callable[..., Published]


@pytest.fixture
def write_model(tmp_path: Path) -> WriteModel:
    """Writes a model in the shape of a SavedModel; a call changes the one before."""

    def write(
        token: str = "a", rows: np.ndarray | None = None, tail: bytes = b"dense", **more
    ) -> Path:
        folder = tmp_path / "model"
        files = {
            "saved_model.pb": f"graph {token}".encode(),
            "fingerprint.pb": b"print",
            "variables/variables.index": b"index",
            "assets.extra/parity/scores.npy": b"scores",
            "assets.extra/model.json": json.dumps({"metrics": {"auc": 0.75}}).encode(),
        }
        files |= {name.replace("__", "/"): content for name, content in more.items()}
        if rows is not None:
            region = {"file": DATA_FILE, "offset": len(HEAD), "row_bytes": ROW_BYTES}
            regions = {"regions": [{**region, "rows": len(rows)}]}
            files["assets.extra/rows.json"] = json.dumps(regions).encode()
            files[DATA_FILE] = HEAD + rows.tobytes() + tail
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    return write


@pytest.fixture
def draw_rows() -> Callable[..., np.ndarray]:
    """Draws rows of a table: uint8 [rows, ROW_BYTES]."""

    def draw(rows: int, seed: int = 0) -> np.ndarray:
        random = np.random.default_rng(seed)
        return random.integers(256, size=(rows, ROW_BYTES), dtype=np.uint8)

    return draw


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    """The folder that models are published to, not there yet."""
    return tmp_path / "deep" / "serving"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time in seconds; the first is 1,000."""

    def set_time(seconds: float) -> None:
        fixed = SimpleNamespace(
            time=lambda: seconds, monotonic=time.monotonic, sleep=time.sleep
        )
        monkeypatch.setattr(local_store, "time", fixed)

    set_time(1000.7)
    return set_time


@pytest.fixture
def publish(serving: Path, clock: Callable[[float], None]) -> Publish:
    """Publishes a model, in versions from 1000 on."""

    def publish_one(
        model: Path, mode: str = "full", record: Record | None = None, **settings
    ) -> Published:
        publishing = Publishing(mode=mode, **settings)
        return publish_model(model, str(serving), publishing, record or Record())

    return publish_one


@pytest.fixture
def served_model(tmp_path: Path) -> Callable[..., Any]:
    """Gives the newest version of a serving folder, and a folder with its files."""

    @contextlib.contextmanager
    def made(place: str | Path) -> Iterator[tuple[int, Path]]:
        store = open_store(place)
        version = store.newest()
        assert version is not None
        with tempfile.TemporaryDirectory(dir=tmp_path) as work:
            yield version, rebuilt(store, version, store, Path(work))[0]

    return made


@pytest.fixture
def content_of() -> Callable[[Path], dict[str, bytes]]:
    """Reads all files below a folder, but for the publication."""

    def read(folder: Path) -> dict[str, bytes]:
        files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        files.pop(PUBLICATION_FILE, None)
        return files

    return read


@pytest.fixture
def names_in() -> Callable[[Path], list[str]]:
    """Names in a folder, sorted; hidden ones only if they are leftovers."""

    def names(folder: Path) -> list[str]:
        return sorted(
            path.name
            for path in folder.iterdir()
            if path.name not in (".lock", ".base")
        )

    return names


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The folder that the server watches, not there yet."""
    return tmp_path / "models"


@pytest.fixture
def agent(serving: Path, target: Path) -> Callable[..., int | None]:
    """Does one round of an agent; returns the version it made."""

    def look(**settings) -> int | None:
        return update(open_store(serving), open_store(target), **settings)

    return look


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of files that were fetched."""
    names: list[str] = []
    fetch = LocalStore.fetch

    def remember(store, name, path):
        names.append(name)
        fetch(store, name, path)

    monkeypatch.setattr(LocalStore, "fetch", remember)
    return names


@pytest.fixture
def publish_chain(
    publish: Publish, write_model: WriteModel, draw_rows: Callable[..., np.ndarray]
) -> Callable[..., Path]:
    """Publishes a full version and deltas; every version is another model."""
    table = draw_rows(500)
    models: list[Path] = []

    def chain(count: int, **settings) -> Path:
        for _ in range(count):
            table[len(models)] += 1
            models.append(write_model("a", table))
            publish(models[-1], "delta", **{"max_delta": 1.0, **settings})
        return models[-1]

    return chain
