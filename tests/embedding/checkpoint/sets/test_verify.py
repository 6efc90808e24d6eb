"""Every changed byte of every file of a set is found, and its file named."""

import pytest
from shardline_tests import load

from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.retention import Keep
from shardline.embedding.checkpoint.sets.saver import SetSaver
from shardline.embedding.checkpoint.sets.verify import verify_set

training = load("embedding/checkpoint/sets/training.py")

pytestmark = pytest.mark.usefixtures("native_kernels")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("sets")
    small = training.SmallTraining(2)
    with SetSaver(path, small.engine, lineage={}, keep=Keep(9)) as saver:
        for _ in range(2):
            small.train()
            saver.save(small.step, small.variables, {})
            saver.wait()
    return SetFolder(path)


@pytest.fixture(params=["full", "differential"])
def one(request, folder):
    """A set of each kind."""
    (found,) = [x for x in folder.sets() if x.manifest.kind == request.param]
    return found


def files_of(one):
    return sorted(path for path in one.path.iterdir() if path.name != "manifest.json")


def test_a_whole_set_has_no_faults(one):
    assert verify_set(one) == []


def test_a_changed_bit_anywhere(one):
    for path in files_of(one):
        content = path.read_bytes()
        for position in range(0, len(content), max(1, len(content) // 13)):
            changed = bytearray(content)
            changed[position] ^= 1 << position % 8
            path.write_bytes(changed)
            faults = verify_set(one)
            assert faults, (path, position)
            assert all(str(path) in fault for fault in faults)
        path.write_bytes(content)
    assert verify_set(one) == []


@pytest.mark.parametrize("size", [0, 1, 0.5, -1, 1.5])
def test_another_size(one, size):
    for path in files_of(one):
        content = path.read_bytes()
        wanted = int(size * len(content)) if isinstance(size, float) else size
        path.write_bytes((content * 2)[:wanted] if size != -1 else content[:-1])
        (fault,) = verify_set(one)
        assert fault.startswith(f"{path} has ")
        path.write_bytes(content)


def test_a_missing_file(one):
    for path in files_of(one):
        path.rename(f"{path}.partial")
        assert verify_set(one) == [f"{path} is missing"]
        path.with_name(f"{path.name}.partial").rename(path)


def test_a_file_too_many(one):
    added = one.path / "tables.data-00007-of-00008"
    added.touch()
    assert verify_set(one) == [f"{added} does not belong to the set"]
    added.unlink()


def test_two_exchanged_files(one):
    first, second = (one.path / f"tables.data-{n:05d}-of-00002" for n in range(2))
    contents = first.read_bytes(), second.read_bytes()
    first.write_bytes(contents[1])
    second.write_bytes(contents[0])
    assert verify_set(one)
    first.write_bytes(contents[0])
    second.write_bytes(contents[1])
