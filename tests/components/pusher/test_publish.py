"""New versions appear whole, in order, or not at all."""

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.pusher import publish as publishing
from components.pusher.publish import publish

CONTENT = {
    "saved_model.pb": b"graph",
    "fingerprint.pb": b"print",
    "variables/variables.index": b"index",
    "assets.extra/parity/scores.npy": b"scores",
}


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A folder in the shape of a SavedModel."""
    folder = tmp_path / "model"
    for name, content in CONTENT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return str(folder)


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    """The folder that servers watch, not there yet."""
    return tmp_path / "deep" / "serving"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the time in seconds; the first is 1,000."""

    def set_time(seconds: float) -> None:
        fixed = SimpleNamespace(time=lambda: seconds, monotonic_ns=time.monotonic_ns)
        monkeypatch.setattr(publishing, "time", fixed)

    set_time(1000.7)
    return set_time


def changed(model: str, print_: str = "another") -> str:
    """Gives a model the fingerprint of another export."""
    Path(model, "fingerprint.pb").write_text(print_)
    return model


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_published_version_is_the_whole_model_named_by_the_time(
    model: str, serving: Path, clock: Any
) -> None:
    assert publish(model, str(serving)) == str(serving / "1000")

    assert content_of(serving / "1000") == CONTENT
    assert [path.name for path in serving.iterdir()] == ["1000"]


@pytest.mark.parametrize("later", [1000.9, 400.0], ids=["same", "earlier"])
def test_version_grows_even_where_the_time_does_not(
    model: str, serving: Path, clock: Any, later: float
) -> None:
    publish(model, str(serving))
    clock(later)

    assert publish(changed(model), str(serving)) == str(serving / "1001")


def test_latest_model_is_not_published_again(
    model: str, serving: Path, clock: Any
) -> None:
    first = publish(model, str(serving))
    clock(2000)

    assert publish(model, str(serving)) == first

    assert [path.name for path in serving.iterdir()] == ["1000"]


def test_earlier_model_is_published_again_to_become_the_latest(
    model: str, serving: Path, clock: Any
) -> None:
    earlier = shutil.copytree(model, f"{model}-earlier")
    publish(earlier, str(serving))
    publish(changed(model), str(serving))

    assert publish(earlier, str(serving)) == str(serving / "1002")


@pytest.mark.parametrize("removed", ["1000", "1000/fingerprint.pb"])
def test_model_that_was_removed_is_published_again(
    model: str, serving: Path, clock: Any, removed: str
) -> None:
    publish(model, str(serving))
    gone = serving / removed
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    clock(2000)

    assert publish(model, str(serving)) == str(serving / "2000")


def test_publishing_needs_the_model_no_longer(
    model: str, serving: Path, clock: Any
) -> None:
    target = Path(publish(model, str(serving)))

    shutil.rmtree(model)

    assert content_of(target) == CONTENT


def test_many_publishers_at_once_get_a_version_each(
    model: str, serving: Path, clock: Any
) -> None:
    barrier = threading.Barrier(8)
    models = [shutil.copytree(model, f"{model}-{i}") for i in range(8)]
    for i, folder in enumerate(models):
        changed(folder, str(i))

    def publish_together(folder: str) -> str:
        barrier.wait()
        return publish(folder, str(serving))

    with ThreadPoolExecutor(8) as pool:
        published = set(pool.map(publish_together, models))

    expected = {str(version) for version in range(1000, 1008)}
    assert published == {str(serving / version) for version in expected}
    assert {path.name for path in serving.iterdir()} == expected
    contents = [content_of(Path(target)) for target in published]
    assert all(content.keys() == CONTENT.keys() for content in contents)
    assert len({content["fingerprint.pb"] for content in contents}) == 8


def test_watching_server_never_sees_a_part_of_a_version(
    model: str, serving: Path, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    copy = shutil.copy2

    def copy_and_look(source: str, target: str, **options: Any) -> Any:
        seen.extend(path.name for path in serving.iterdir())
        return copy(source, target, **options)

    monkeypatch.setattr(shutil.copytree, "__defaults__", _with_copy(copy_and_look))

    publish(model, str(serving))

    assert len(seen) == len(CONTENT)
    assert not any(name.isdigit() for name in seen)


def _with_copy(function: Any) -> tuple[Any, ...]:
    """The defaults of shutil.copytree with another copy_function."""
    defaults = shutil.copytree.__defaults__
    return tuple(function if part is shutil.copy2 else part for part in defaults)


def test_copy_that_fails_leaves_nothing(
    model: str, serving: Path, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = []

    def copy_one(source: str, target: str, **options: Any) -> None:
        if copied:
            raise OSError(28, "No space left on device")
        copied.append(shutil.copyfile(source, target))

    monkeypatch.setattr(shutil.copytree, "__defaults__", _with_copy(copy_one))

    with pytest.raises(OSError, match="No space left on device"):
        publish(model, str(serving))

    assert len(copied) == 1
    assert list(serving.iterdir()) == []


def test_failure_leaves_the_versions_before_it(
    model: str, serving: Path, clock: Any
) -> None:
    publish(model, str(serving))

    with pytest.raises(FileNotFoundError):
        publish(f"{model}-absent", str(serving))

    assert [path.name for path in serving.iterdir()] == ["1000"]


def test_object_store_gets_the_graph_last(
    model: str, store: Any, tmp_path: Path, clock: Any
) -> None:
    target = publish(model, "store://bucket/")

    assert target == "store://bucket/1000"
    assert content_of(tmp_path / "bucket" / "1000") == CONTENT
    assert store.written[-1] == "store://bucket/1000/saved_model.pb"
    assert len(store.written) == len(CONTENT)


def test_object_store_gets_each_model_once(model: str, store: Any, clock: Any) -> None:
    publish(model, "store://bucket")

    assert publish(model, "store://bucket") == "store://bucket/1000"
    assert publish(changed(model), "store://bucket") == "store://bucket/1001"
