"""`bucket://` behaves as an object store, the same in TensorFlow, Beam and TFX."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from shardline.components.execution.in_memory_beam import in_memory_pipeline

gfile = tf.io.gfile

pytestmark = pytest.mark.orchestration


class Tensorflow:
    """Operations as TensorFlow has them."""

    error = (tf.errors.OpError,)

    @staticmethod
    def open(uri: str, mode: str) -> Any:
        return gfile.GFile(uri, mode)

    copy = staticmethod(gfile.copy)
    rename = staticmethod(gfile.rename)
    remove = staticmethod(gfile.remove)
    glob = staticmethod(gfile.glob)
    mkdirs = staticmethod(gfile.makedirs)


class Beam:
    """Operations as Beam has them."""

    error = (BeamIOError,)

    @staticmethod
    def open(uri: str, mode: str) -> Any:
        opened = FileSystems.create if "w" in mode else FileSystems.open
        return opened(uri)

    @staticmethod
    def copy(source: str, target: str) -> None:
        FileSystems.copy([source], [target])

    @staticmethod
    def rename(source: str, target: str) -> None:
        FileSystems.rename([source], [target])

    @staticmethod
    def remove(uri: str) -> None:
        FileSystems.delete([uri])

    @staticmethod
    def glob(pattern: str) -> list[str]:
        return [found.path for found in FileSystems.match([pattern])[0].metadata_list]

    mkdirs = staticmethod(FileSystems.mkdirs)


@pytest.fixture(params=[Tensorflow, Beam])
def files(request: pytest.FixtureRequest) -> Any:
    return request.param


def write(files: Any, uri: str, content: bytes = b"content") -> None:
    with files.open(uri, "wb") as file:
        file.write(content)


def test_object_is_there_when_it_is_closed_and_for_all(
    files: Any, buckets: Any
) -> None:
    uri = f"{buckets.new('b')}/folder/object"
    with files.open(uri, "wb") as file:
        file.write(b"con")
        file.flush()
        assert not gfile.exists(uri)
        file.write(b"tent")

    assert gfile.GFile(uri, "rb").read() == b"content"
    assert FileSystems.open(uri).read() == b"content"
    assert buckets.path(uri).read_bytes() == b"content"
    assert (
        gfile.stat(uri).length
        == FileSystems.match([uri])[0].metadata_list[0].size_in_bytes
        == len(b"content")
    )
    assert list((buckets.root / ".uploads").iterdir()) == []


def test_folder_is_there_while_an_object_is_below_it(files: Any, buckets: Any) -> None:
    bucket = buckets.new("b")
    files.mkdirs(f"{bucket}/a/b")
    assert not gfile.exists(f"{bucket}/a")
    assert gfile.listdir(bucket) == []

    write(files, f"{bucket}/a/b/c")
    assert gfile.isdir(f"{bucket}/a/b/")
    # TensorFlow's names of folders in stores end so, Beam knows no folders.
    assert gfile.listdir(f"{bucket}/a") == ["b/"]
    assert not FileSystems.exists(f"{bucket}/a")

    files.remove(f"{bucket}/a/b/c")
    assert not gfile.exists(f"{bucket}/a")
    with pytest.raises(tf.errors.NotFoundError):
        gfile.listdir(f"{bucket}/a")


def test_patterns_find_objects(files: Any, buckets: Any) -> None:
    bucket = buckets.new("b")
    for key in ("x/1.csv", "x/2.csv", "xy/3.csv", "x/y/4.csv"):
        write(files, f"{bucket}/{key}")

    assert sorted(files.glob(f"{bucket}/x/*.csv")) == [
        f"{bucket}/x/1.csv",
        f"{bucket}/x/2.csv",
    ]
    assert gfile.glob(f"{bucket}/*/y") == [f"{bucket}/x/y"]


def test_objects_are_copied_and_renamed(files: Any, buckets: Any) -> None:
    one, other = buckets.new("one"), buckets.new("other")
    write(files, f"{one}/a")

    files.copy(f"{one}/a", f"{other}/b/c")
    files.rename(f"{other}/b/c", f"{one}/d/e")

    assert [*files.glob(f"{other}/*"), *files.glob(f"{one}/*/*")] == [f"{one}/d/e"]
    assert buckets.path(f"{one}/d/e").read_bytes() == b"content"


def test_folder_is_renamed_object_by_object(buckets: Any) -> None:
    bucket = buckets.new("b")
    for key in ("x/1", "x/y/2"):
        write(Tensorflow, f"{bucket}/{key}")
    before = len(buckets.log)

    gfile.rename(f"{bucket}/x", f"{bucket}/z")

    changes = [line for line in buckets.log[before:] if line[0] in "wd"]
    assert changes == [
        "write bucket://b/z/1",
        "delete bucket://b/x/1",
        "write bucket://b/z/y/2",
        "delete bucket://b/x/y/2",
    ]
    assert gfile.listdir(bucket) == ["z/"]
    gfile.rmtree(f"{bucket}/z")
    assert gfile.listdir(bucket) == []


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("missing", "there is no bucket b"),
        ("refuse_writes", "may not write to bucket b"),
        ("close", "access to bucket b denied"),
    ],
)
def test_bucket_that_cannot_be_written_refuses_when_the_object_is_closed(
    state: str, says: str, files: Any, buckets: Any
) -> None:
    if state != "missing":
        buckets.new("b")
        getattr(buckets, state)("b")
    file = files.open("bucket://b/object", "wb")
    file.write(b"content")

    with pytest.raises(files.error, match=says):
        file.close()
    if state != "refuse_writes":
        with pytest.raises(files.error, match=says):
            files.open("bucket://b/object", "rb").read()


def test_without_credentials_nothing_is_found(
    files: Any, buckets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHARDLINE_TEST_BUCKETS")

    with pytest.raises(files.error, match="No credentials"):
        files.open("bucket://b/object", "rb").read()


def test_what_stores_do_not_have_fails(files: Any, buckets: Any) -> None:
    bucket = buckets.new("b")
    write(files, f"{bucket}/a")

    with pytest.raises(tf.errors.UnimplementedError, match="appended"):
        gfile.GFile(f"{bucket}/a", "a").write("more")
    for key in ("none", "none/", "a//b", "../b"):
        with pytest.raises(files.error):
            files.open(f"{bucket}/{key}", "rb").read()


def test_tensorflow_saves_and_beam_writes_whole_outputs(buckets: Any) -> None:
    bucket = buckets.new("b")
    variable = tf.Variable(1.0)
    place = tf.train.Checkpoint(v=variable).save(f"{bucket}/checkpoint/c")
    with tf.io.TFRecordWriter(f"{bucket}/records.gz", "GZIP") as writer:
        writer.write(b"1" * (1 << 20))
    with in_memory_pipeline() as pipeline:
        records = pipeline | beam.io.ReadFromTFRecord(f"{bucket}/records.gz")
        records | beam.io.WriteToTFRecord(f"{bucket}/beam/out", file_name_suffix=".gz")

    assert tf.train.latest_checkpoint(f"{bucket}/checkpoint") == place
    [written] = gfile.glob(f"{bucket}/beam/out-*-of-*.gz")
    [record] = tf.data.TFRecordDataset(written, "GZIP")
    assert len(record.numpy()) == 1 << 20
    assert gfile.listdir(f"{bucket}/beam") == [os.path.basename(written)]


FRESH = """
import sys
loaded = {"tensorflow", "apache_beam"} & set(sys.modules)
from apache_beam.io.filesystems import FileSystems
from shardline.components.execution.in_memory_beam import in_memory_pipeline
content = FileSystems.open("bucket://b/a").read()
assert not loaded and "tensorflow" not in sys.modules
import tensorflow as tf
with tf.io.gfile.GFile("bucket://b/c", "wb") as file:
    file.write(content)
import sitecustomize
print(sitecustomize.__file__)
"""


def test_fresh_process_knows_buckets_by_its_environment(
    buckets: Any, tmp_path: Path
) -> None:
    write(Beam, f"{buckets.new('b')}/a", b"from Beam")
    (tmp_path / "sitecustomize.py").touch()
    environment = os.environ | buckets.environment
    environment["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"

    done = subprocess.run(
        [sys.executable, "-c", FRESH],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "sitecustomize.py")
    assert buckets.path("bucket://b/c").read_bytes() == b"from Beam"


def test_tfx_takes_buckets_for_its_files(buckets: Any) -> None:
    from tfx.dsl.io import fileio
    from tfx.utils import io_utils

    bucket = buckets.new("b")
    io_utils.write_string_file(f"{bucket}/x/y/z", "text")
    io_utils.copy_dir(f"{bucket}/x", f"{bucket}/w")

    assert fileio.open(f"{bucket}/w/y/z").read() == "text"
