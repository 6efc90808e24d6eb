"""The wheel of a data set: fetched by the real pip from a folder, checked, kept."""

import hashlib
import http.server
import os
import socket
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from shardline.components.readers import datasets
from shardline.configs.schema import Data

REQUIREMENT = "tiny-data==1.0"
WHEEL = "tiny_data-1.0-py3-none-any.whl"


def write_wheel(folder: Path, name: str = WHEEL) -> str:
    """Writes a wheel of one data file; returns its SHA-256 digest."""
    folder.mkdir(parents=True, exist_ok=True)
    members = {
        "tiny_data/rows.tsv": "user_id:token\n1\n",
        "tiny_data-1.0.dist-info/METADATA": (
            "Metadata-Version: 2.1\nName: tiny-data\nVersion: 1.0\n"
        ),
        "tiny_data-1.0.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = "".join(f"{member},,\n" for member in members)
    with zipfile.ZipFile(folder / name, "w") as wheel:
        for member, text in members.items():
            wheel.writestr(member, text)
        wheel.writestr("tiny_data-1.0.dist-info/RECORD", record)
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place the real pip may look for wheels: a folder, no index."""
    folder = tmp_path / "published"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    return folder


@pytest.fixture
def no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails the test if anything starts a process."""

    def refuse(command: list[str], **_: object) -> None:
        pytest.fail(f"a process was started: {command}")

    monkeypatch.setattr(datasets.subprocess, "run", refuse)


def test_wheel_not_there_is_downloaded(published: Path, tmp_path: Path) -> None:
    digest = write_wheel(published)
    directory = tmp_path / "deep" / "data"

    wheel = datasets.fetch(REQUIREMENT, digest, directory)

    assert wheel == directory / WHEEL
    assert wheel.read_bytes() == (published / WHEEL).read_bytes()
    assert list(directory.iterdir()) == [wheel], "something else was left behind"


@pytest.mark.usefixtures("no_client")
@pytest.mark.parametrize("requirement", ["tiny-data==1.0", "Tiny.Data==1.0"])
def test_wheel_already_there_is_not_downloaded(
    requirement: str, tmp_path: Path
) -> None:
    digest = write_wheel(tmp_path)
    assert datasets.fetch(requirement, digest, tmp_path) == tmp_path / WHEEL


@pytest.mark.usefixtures("no_client")
def test_corrupt_cached_wheel_is_named_and_kept(tmp_path: Path) -> None:
    digest = write_wheel(tmp_path)
    corrupt = tmp_path / WHEEL
    corrupt.write_bytes(b"half a whe")
    found = hashlib.sha256(b"half a whe").hexdigest()

    with pytest.raises(datasets.DatasetError) as raised:
        datasets.fetch(REQUIREMENT, digest, tmp_path)

    assert str(raised.value) == (
        f"{corrupt}: its SHA-256 digest is {found}, expected {digest}. "
        "Delete the file and run again."
    )
    assert corrupt.read_bytes() == b"half a whe"


def test_wheel_of_another_version_is_not_taken(published: Path, tmp_path: Path) -> None:
    digest = write_wheel(published)
    directory = tmp_path / "data"
    write_wheel(directory, "tiny_data-0.9-py3-none-any.whl")
    assert datasets.fetch(REQUIREMENT, digest, directory).name == WHEEL


def test_download_with_another_digest_is_refused(
    published: Path, tmp_path: Path
) -> None:
    digest = write_wheel(published)
    directory = tmp_path / "data"

    with pytest.raises(
        datasets.DatasetError,
        match=rf"pip ended.*Got +{digest}.*data\.download\.sha256",
    ) as raised:
        datasets.fetch(REQUIREMENT, "0" * 64, directory)

    assert not isinstance(raised.value, datasets.DownloadError)
    assert list(directory.iterdir()) == [], "a refused download was kept"


@pytest.mark.orchestration
@pytest.mark.parametrize(
    ("code", "passes"), [(404, False), (403, False), (429, True), (500, True)]
)
def test_failure_of_an_index_can_pass_unless_it_says_that_there_is_no_such_thing(
    code: int, passes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(code)

        def log_message(self, *_: Any) -> None:
            pass

    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(datasets.DatasetError) as raised:
            datasets.fetch(REQUIREMENT, "0" * 64, tmp_path / "data")
        server.shutdown()

    assert isinstance(raised.value, datasets.DownloadError) == passes
    assert ("Check the network" in str(raised.value)) == passes


@pytest.mark.orchestration
def test_index_that_cannot_be_reached_can_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/")

    with pytest.raises(datasets.DownloadError, match="No matching distribution"):
        datasets.fetch(REQUIREMENT, "0" * 64, tmp_path / "data")


@pytest.mark.usefixtures("published")
def test_wheel_nobody_publishes_gives_last_line_of_client(tmp_path: Path) -> None:
    with pytest.raises(
        datasets.DatasetError,
        match=r"Could not download tiny-data==1\.0 .*No matching distribution.*Check",
    ):
        datasets.fetch(REQUIREMENT, "0" * 64, tmp_path / "data")


@pytest.mark.usefixtures("no_client")
def test_what_a_killed_download_has_left_is_removed_by_the_next(tmp_path: Path) -> None:
    digest = write_wheel(tmp_path)
    left = tmp_path / ".shardline-scratch-abcdefgh"
    left.mkdir()
    (left / WHEEL).write_bytes(b"half a whe")

    wheel = datasets.fetch(REQUIREMENT, digest, tmp_path)

    assert list(tmp_path.iterdir()) == [wheel]


def test_interrupted_download_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die_half_way(command: list[str], **_: object) -> None:
        scratch = Path(command[command.index("-d") + 1])
        (scratch / WHEEL).write_bytes(b"half a whe")
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets.subprocess, "run", die_half_way)
    with pytest.raises(KeyboardInterrupt):
        datasets.fetch(REQUIREMENT, "0" * 64, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "requirement", ["tiny-data", "tiny-data>=1.0", "tiny-data==1.*", ""]
)
def test_requirement_without_exact_version_is_refused(
    requirement: str, tmp_path: Path
) -> None:
    with pytest.raises(datasets.DatasetError, match=r"names no single version.*Pin"):
        datasets.fetch(requirement, "0" * 64, tmp_path)


def test_verify_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(datasets.DatasetError, match=r"none\.whl: there is no such"):
        datasets.verify(tmp_path / "none.whl", "0" * 64)


def test_verify_right_digest_passes(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"rows")
    datasets.verify(tmp_path / "rows", hashlib.sha256(b"rows").hexdigest())


READER = Data(reader="a.Reader", path="/data", label="label")


def files_data(**splits: str) -> Data:
    """The data section of files of some patterns."""
    files = {"format": "csv", "splits": splits}
    return Data.model_validate({"files": files, "path": "/data", "label": "label"})


def test_version_of_file_is_its_digest(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"rows")
    expected = hashlib.sha256(b"rows").hexdigest()
    for data in (READER, files_data(train="rows")):
        assert datasets.version_of(data, str(tmp_path / "rows")) == expected


def test_version_of_archive_is_its_digest(tmp_path: Path) -> None:
    digest = write_wheel(tmp_path)
    data = files_data(train="**/*.tsv")
    assert datasets.version_of(data, str(tmp_path / WHEEL)) == digest


@pytest.mark.parametrize("data", [READER, files_data(train="ro*", eval="s/*")])
def test_version_of_folder_follows_its_files(data: Data, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "t").write_bytes(b"")
    (tmp_path / "rows").write_bytes(b"rows")
    before = datasets.version_of(data, str(tmp_path))
    assert datasets.version_of(data, str(tmp_path)) == before
    (tmp_path / "rows").write_bytes(b"more rows")
    after = datasets.version_of(data, str(tmp_path))
    assert after != before
    (tmp_path / "rows2").write_bytes(b"rows")
    assert datasets.version_of(data, str(tmp_path)) not in (before, after)


def test_version_of_files_follows_side_files(tmp_path: Path) -> None:
    join = {"files": "side/*", "key": "item", "columns": ["title"]}
    files = {"format": "csv", "splits": {"train": "a.csv"}, "join": {"items": join}}
    data = Data.model_validate({"files": files, "path": "/data", "label": "label"})
    side = tmp_path / "side" / "items.csv"
    side.parent.mkdir()
    (tmp_path / "a.csv").write_text("item,label\n1,0\n")
    side.write_text("item,title\n1,wool\n")
    before = datasets.version_of(data, str(tmp_path))

    (tmp_path / "other.csv").write_text("x\n")
    assert datasets.version_of(data, str(tmp_path)) == before
    side.write_text("item,title\n1,cotton\n")
    changed = datasets.version_of(data, str(tmp_path))
    assert changed != before
    (side.parent / "more.csv").write_text("item,title\n2,wool\n")
    assert datasets.version_of(data, str(tmp_path)) not in (before, changed)


def write_outputs(folder: Path) -> None:
    """Writes what a run leaves beside its data."""
    (folder / "artifacts" / "Gen").mkdir(parents=True, exist_ok=True)
    for name in ("metadata.sqlite", "artifacts/Gen/part.csv", "run.csv"):
        (folder / name).write_bytes(b"x")


def test_version_of_files_is_of_those_that_splits_match(tmp_path: Path) -> None:
    data = files_data(train="**/*.csv")
    (tmp_path / "a.csv").write_bytes(b"x\n")
    before = datasets.version_of(data, str(tmp_path))

    (tmp_path / "run.yaml").write_text("name: run")
    (tmp_path / ".hidden").mkdir()
    write_outputs(tmp_path / "runs" / "run")

    assert datasets.version_of(data, str(tmp_path)) == before


def test_version_of_a_readers_folder_leaves_out_what_is_no_data(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.csv").write_bytes(b"x\n")
    besides = (tmp_path / "runs" / "run", tmp_path / "run.yaml")
    before = datasets.version_of(READER, str(tmp_path), besides=besides)

    (tmp_path / "run.yaml").write_text("name: run")
    (tmp_path / "runs" / "run" / "logs").mkdir(parents=True)
    (tmp_path / "runs" / "run" / "logs" / "1.log").write_text("log")
    write_outputs(tmp_path / "runs" / "other")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("x")
    (tmp_path / ".swap").write_text("x")

    assert datasets.version_of(READER, str(tmp_path), besides=besides) == before


def test_version_of_a_folder_that_was_moved_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a.csv").write_bytes(b"x\n")
    before = datasets.version_of(READER, str(tmp_path / "old"))
    (tmp_path / "old").rename(tmp_path / "new")
    assert datasets.version_of(READER, str(tmp_path / "new")) == before


@pytest.mark.parametrize("data", [READER, files_data(train="*.csv")])
def test_version_of_objects_follows_their_content(data: Data, buckets: Any) -> None:
    place = f"{buckets.new('data')}/rows"
    buckets.path(place).mkdir()
    (buckets.path(place) / "a.csv").write_bytes(b"x\n")
    before = datasets.version_of(data, place)
    assert datasets.version_of(data, place) == before

    (buckets.path(place) / "b.csv").write_bytes(b"x\n")

    assert datasets.version_of(data, place) != before
    with pytest.raises(datasets.DatasetError, match=r"none: cannot be read"):
        datasets.version_of(data, "bucket://data/none")


def test_version_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(datasets.DatasetError, match=r"none: there is no such"):
        datasets.version_of(READER, str(tmp_path / "none"))


def test_version_of_files_that_are_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(datasets.DatasetError, match=r"no file matches `\*\.csv`"):
        datasets.version_of(files_data(train="*.csv"), str(tmp_path))
