"""Publishers and agents that are killed at any moment, while a reader loads the newest.

    python -m benchmarks.serving.programs.kills random 200 FOLDER
    python -m benchmarks.serving.programs.kills steps FOLDER

A model here is some files that all hold the same token, one of them with rows that
deltas can find. The reader takes the largest version of the folder that models are
published to, and of that where an agent makes them, as a model server does, and reads
all of it. The program forks, and so imports nothing that has threads.
"""

import contextlib
import dataclasses
import json
import os
import random
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from shardline.components.contracts.model_folder import PUBLICATION_FILE, versions_among
from shardline.components.pusher.agent import update
from shardline.components.pusher.files import files_below
from shardline.components.pusher.publication import (
    PublicationError,
    Record,
    parsed_publication,
    verify,
)
from shardline.components.pusher.publish import publish_model
from shardline.components.pusher.stores.stores import open_store
from shardline.configs.serving import Publishing

_PUBLISHING = Publishing(mode="delta", full_every=4, max_delta=1.0, keep=6)
_DATA_FILE = "variables/variables.data-00000-of-00001"
_ROWS, _ROW_BYTES = 2_000, 64
_TOKEN_BYTES = 8
_PAUSE_S = 0.002  # of the reader, so that the others get on
_STEPS = {"open", "fcntl.flock", "os.link", "os.mkdir", "os.remove", "os.rename"}
_STEPS |= {"os.rmdir", "shutil.rmtree", "tempfile.mkdtemp"}


@dataclasses.dataclass
class Counts:
    """What happened.

    Attributes:
        kills: processes that were killed before they ended.
        ended: processes that ended before they could be killed.
        failed: of these, with an error.
        observed: times that the reader loaded a version.
        versions: of these, times that it was another than before.
        gone: times that a version was removed while the reader loaded it.
        broken: versions with files that are missing or not what was published.
        mixed: versions with files of more than one model.
        decreased: times that the largest version was smaller than before.
        left_over: files and folders that the next one should have removed.
    """

    kills: int = 0
    ended: int = 0
    failed: int = 0
    observed: int = 0
    versions: int = 0
    gone: int = 0
    broken: int = 0
    mixed: int = 0
    decreased: int = 0
    left_over: int = 0


class Scene:
    """A serving folder, the folder an agent fills from it, and models to publish."""

    def __init__(self, folder: Path, models: Path | None = None):
        """Takes a folder to work in.

        Args:
            folder: empty.
            models: folder of models to publish in turn; none: some with a token.
        """
        self.published, self.served = folder / "published", folder / "served"
        self._made = folder / "model"
        self._models = sorted(models.iterdir()) if models else []
        self._turn = 0

    def publish(self) -> None:
        """Publishes the next model, as a delta most times."""
        publish_model(self._model, str(self.published), _PUBLISHING, Record())

    def publish_full(self) -> None:
        """Publishes the next model as a full version."""
        full = _PUBLISHING.model_copy(update={"mode": "full"})
        publish_model(self._model, str(self.published), full, Record())

    def update(self) -> None:
        """Does an agent's round; it removes what the reader may be loading."""
        update(open_store(self.published), open_store(self.served), keep=1)

    def next_model(self) -> None:
        """Lets the model be another one."""
        self._turn += 1
        if not self._models:
            write_model(self._made, self._turn)

    @property
    def _model(self) -> Path:
        return (
            self._models[self._turn % len(self._models)] if self._models else self._made
        )

    def left_over(self) -> int:
        """Counts what no publication has a use for."""
        found = [
            path
            for folder in (self.published, self.served)
            for path in folder.iterdir()
            if path.name.startswith((".incoming-", ".removing-"))
        ]
        bases = self.published / ".base"
        return len(found) + max(
            0, len(list(bases.iterdir())) - 1 if bases.is_dir() else 0
        )


def write_model(folder: Path, token: int) -> None:
    """Writes a model whose files all hold a token."""
    word = token.to_bytes(_TOKEN_BYTES, "little")
    drawn = np.random.default_rng(0).integers(256, size=(_ROWS, _ROW_BYTES), dtype="u1")
    drawn[token % _ROWS] = token % 256
    regions = [
        {
            "file": _DATA_FILE,
            "offset": _TOKEN_BYTES,
            "rows": _ROWS,
            "row_bytes": _ROW_BYTES,
        }
    ]
    shutil.rmtree(folder, ignore_errors=True)
    for name, rest in {
        "saved_model.pb": b"graph" * 1000,
        "variables/variables.index": b"index" * 100,
        _DATA_FILE: drawn.tobytes(),
        "assets/tokens": b"asset" * 100,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(word + rest)
    (folder / "assets.extra").mkdir()
    (folder / "assets.extra/rows.json").write_text(json.dumps({"regions": regions}))


def token_of(version: Path) -> int | None:
    """Returns the token of a version's files; None if they do not all hold the same."""
    names = [name for name in files_below(version) if not name.endswith(".json")]
    words = {(version / name).read_bytes()[:_TOKEN_BYTES] for name in names}
    return int.from_bytes(words.pop(), "little") if len(words) == 1 else None


def look(folder: Path, last: int, counts: Counts, has_token: bool) -> int:
    """Loads the largest version of a folder as a server would; returns its number.

    Args:
        folder: what the server watches.
        last: what it found the last time.
        counts: to be added to.
        has_token: whether models hold tokens.
    """
    versions = versions_among(os.listdir(folder)) if folder.is_dir() else []
    version = max(versions, default=None)
    if version is None:
        counts.decreased += last > 0
        return last
    counts.decreased += version < last
    time.sleep(_PAUSE_S)  # a server loads some time after it looked
    place = folder / str(version)
    try:
        text = (place / PUBLICATION_FILE).read_bytes()
        verify(place, parsed_publication(text, str(place)))
        is_mixed = has_token and token_of(place) is None
    except (OSError, PublicationError) as error:
        # What is removed meanwhile is gone as a whole; what is there must be whole.
        if place.exists():
            counts.broken += 1
            print(error, file=sys.stderr)
        else:
            counts.gone += 1
        return version
    counts.observed += 1
    counts.versions += version != last
    counts.mixed += is_mixed
    return version


def random_kills(count: int, scene: Scene, has_token: bool = True) -> Counts:
    """Kills publishers and agents, each after a random time.

    A publisher and an agent work at the same time: the agent reads while the publisher
    adds versions and removes old ones.

    Args:
        count: how many to kill.
        scene: where they work.
        has_token: whether the models hold tokens.
    """
    draw = random.Random(0)
    counts = Counts()
    longest = {work: _whole(scene, work) for work in (scene.publish, scene.update)}
    with _reader(scene, has_token, counts):
        while counts.kills < count:
            scene.next_model()
            start = time.monotonic()
            moments = {work: draw.uniform(0, longest[work]) for work in longest}
            children = {work: _forked(work) for work in longest}
            for work in sorted(children, key=lambda work: moments[work]):
                passed = time.monotonic() - start
                _kill_after(max(0, moments[work] - passed), children[work])
                # So that every other one comes to its end, however busy the machine.
                was_killed = _wait(children[work], counts)
                longest[work] *= 1.25 if was_killed else 0.8
        _finish(scene, counts)
    return counts


def step_kills(scene: Scene) -> Counts:
    """Kills a publisher, and an agent, before each of its steps in the file system.

    Args:
        scene: where they work.
    """
    counts = Counts()
    last = {scene.published: 0, scene.served: 0}
    for work in (scene.publish_full, scene.publish, scene.update):
        scene.next_model()
        scene.publish()
        step, was_killed = 0, True
        while was_killed:
            step += 1
            if work != scene.update:
                scene.next_model()
            child = _forked(work, step)
            was_killed = _wait(child, counts)
            for folder in last:
                last[folder] = look(folder, last[folder], counts, has_token=True)
            if work == scene.update and _is_up_to_date(scene):
                scene.next_model()
                scene.publish()
    _finish(scene, counts)
    return counts


def _kill_after(seconds: float, child: int) -> None:
    ended = os.pidfd_open(child)
    select.select([ended], [], [], seconds)
    signal.pidfd_send_signal(ended, signal.SIGKILL)
    os.close(ended)


def _is_up_to_date(scene: Scene) -> bool:
    newest = open_store(scene.published).newest()
    return newest == open_store(scene.served).newest()


def _whole(scene: Scene, work: Callable[[], None]) -> float:
    """Does a piece of work without a kill; returns twice the seconds it took."""
    seconds = []
    for _ in range(3):
        scene.next_model()
        if work == scene.update:
            scene.publish()
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return 2 * max(seconds)


def _finish(scene: Scene, counts: Counts) -> None:
    """Publishes once more: it must work, and leave nothing behind."""
    scene.next_model()
    scene.publish()
    scene.update()
    if not _is_up_to_date(scene):
        raise RuntimeError("The agent did not make the newest version.")
    counts.left_over = scene.left_over()


def _forked(work: Callable[[], object], kill_at_step: int | None = None) -> int:
    """Does a piece of work in a child process, and returns its id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        if kill_at_step is not None:
            sys.addaudithook(_killer(kill_at_step))
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _wait(child: int, counts: Counts) -> bool:
    """Waits for a child to end; returns whether it was killed."""
    status = os.waitpid(child, 0)[1]
    counts.kills += os.WIFSIGNALED(status)
    counts.ended += os.WIFEXITED(status)
    counts.failed += status != 0 and os.WIFEXITED(status)
    return os.WIFSIGNALED(status)


def _killer(step: int) -> Callable[[str, tuple[object, ...]], None]:
    seen = 0

    def hook(event: str, _: tuple[object, ...]) -> None:
        nonlocal seen
        if event in _STEPS:  # which os.kill, an event itself, is not
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)

    return hook


@contextlib.contextmanager
def _reader(scene: Scene, has_token: bool, counts: Counts) -> Iterator[None]:
    """Reads in a process of its own until the block ends; adds what it counted."""
    end, ended = os.pipe()
    answer, answered = os.pipe()

    def read() -> None:
        mine, last = Counts(), {scene.published: 0, scene.served: 0}
        while not select.select([end], [], [], _PAUSE_S)[0]:
            for folder in last:
                last[folder] = look(folder, last[folder], mine, has_token)
        os.write(answered, json.dumps(dataclasses.asdict(mine)).encode())

    child = _forked(read)
    try:
        yield
    finally:
        os.write(ended, b"!")
        theirs = json.loads(os.read(answer, 1 << 16))
        os.waitpid(child, 0)
        for descriptor in (end, ended, answer, answered):
            os.close(descriptor)
    for name in ("observed", "versions", "gone", "broken", "mixed", "decreased"):
        setattr(counts, name, theirs[name])


def main() -> None:
    """Prints the counts as JSON."""
    what, *rest = sys.argv[1:]
    if what == "steps":
        counts = step_kills(Scene(Path(rest[0])))
    else:
        models = Path(rest[2]) if len(rest) > 2 else None
        scene = Scene(Path(rest[1]), models)
        counts = random_kills(int(rest[0]), scene, has_token=models is None)
    print(json.dumps(dataclasses.asdict(counts)))


if __name__ == "__main__":
    main()
