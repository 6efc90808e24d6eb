"""A written shard holds the cut to the bit, whatever training does meanwhile."""

import resource
import signal
import subprocess
import threading
from pathlib import Path

import google_crc32c
import pytest
import tensorflow as tf

RULES = ["sgd", "adagrad", "adagrad_momentum", "adam", "ftrl"]
# Less than a row: every copy goes to the file.
NO_MEMORY = 0
KINDS = pytest.mark.parametrize("differential", [False, True], ids=["full", "diff"])


def tables_of(rules):
    # Of several blocks each, with a last one that is not full, and of one row.
    dims = [1, 3, 16, 64, 300]
    return [
        (150_000 // dim + 7, dim, rule) for dim, rule in zip(dims, rules, strict=True)
    ] + [(1, 4, "adagrad")]


def begun(host, differential, folder, **options):
    """Trains, so that a part of the rows is touched, and begins a cut."""
    if differential:
        host.set_touched(False)
        host.step(2_000)
    state, touched = host.cut(differential, folder, **options)
    return state, touched if differential else None


@KINDS
@pytest.mark.parametrize("limit", [1 << 30, 40_000, NO_MEMORY])
@pytest.mark.parametrize(
    "options",
    [{}, {"sum_first": False}, {"touch_all_rows": True}, {"skip_not_finite": True}],
    ids=lambda options: next(iter(options), "sum"),
)
def test_steps_after_the_cut_do_not_show(
    ops, shards, tmp_path, differential, limit, options
):
    host = shards.Host(ops, tables_of(RULES), **options)
    state, touched = begun(host, differential, tmp_path, limit=limit)
    for _ in range(3):
        host.step(3_000, spoil=bool(options.get("skip_not_finite")))
    pieces = host.write(tmp_path / "shard")
    host.step(100)
    host.check((tmp_path / "shard").read_bytes(), pieces, state, touched)
    assert [path.name for path in tmp_path.iterdir()] == ["shard"]
    host.end(True)
    assert host.counts() == list(map(len, host.touched))


@KINDS
@pytest.mark.parametrize("limit", [1 << 30, 100_000], ids=["memory", "file"])
def test_training_beside_the_write_does_not_show(
    ops, shards, tmp_path, differential, limit
):
    host = shards.Host(ops, [(120_000, 32, "adam"), (200_000, 16, "adagrad")])
    for _ in range(3):
        state, touched = begun(host, differential, tmp_path, limit=limit)
        found = {}
        writing = threading.Thread(
            target=lambda found=found: found.update(
                pieces=host.write(tmp_path / "shard")
            )
        )
        writing.start()
        steps = 0
        while writing.is_alive() or not steps:
            host.step(20_000)
            steps += 1
        writing.join()
        content = (tmp_path / "shard").read_bytes()
        host.check(content, found["pieces"], state, touched)
        host.end(True)


@KINDS
def test_checksums_are_those_of_tensorflow(ops, shards, tmp_path, differential):
    host = shards.Host(ops, [(100_000, 24, "adam")])
    host.cut(differential, tmp_path)
    pieces = host.write(tmp_path / "shard")
    content = (tmp_path / "shard").read_bytes()
    for piece in pieces:
        end = piece["offset"] + piece["bytes"]
        plain = google_crc32c.value(content[piece["offset"] : end])
        masked = ((plain >> 15 | plain << 17) + 0xA282EAD8) & 0xFFFFFFFF
        assert piece["checksum"] == masked
    # Small enough to be read one by one.
    assert len(pieces) > (4 if differential else 6)
    assert max(piece["bytes"] for piece in pieces) <= 4 << 20


@KINDS
def test_rows_are_numbered_as_those_of_the_table(ops, shards, tmp_path, differential):
    host = shards.Host(ops, tables_of(RULES), first_rows=[5, 0, 2**33, 9, 1, 3])
    state, touched = begun(host, differential, tmp_path)
    pieces = host.write(tmp_path / "shard")
    host.check((tmp_path / "shard").read_bytes(), pieces, state, touched)


def test_table_without_touched_rows_has_no_pieces(ops, shards, tmp_path):
    host = shards.Host(ops, tables_of(RULES))
    host.set_touched(False)
    state, touched = host.cut(True, tmp_path)
    assert host.write(tmp_path / "shard") == []
    host.check((tmp_path / "shard").read_bytes(), [], state, touched)


def test_older_file_is_replaced(ops, shards, tmp_path):
    host = shards.Host(ops, [(100, 4, "sgd")])
    (tmp_path / "shard").write_bytes(b"x" * 10_000)
    state, _ = host.cut(False, tmp_path)
    pieces = host.write(tmp_path / "shard")
    host.check((tmp_path / "shard").read_bytes(), pieces, state, None)


def fails(host, path, error, match):
    """Writes in vain while training goes on, and then in another place as it should."""
    host.set_touched(False)
    host.step(300)
    before = [set(rows) for rows in host.touched]
    host.cut(False, path.parent if path.parent.exists() else ".")
    host.step(300)
    threads = threading.active_count()
    with pytest.raises(error, match=match) as failed:
        host.write(path)
    assert str(path) in str(failed.value)
    assert threading.active_count() == threads
    host.end(False)
    host.touched = [a | b for a, b in zip(host.touched, before, strict=True)]
    assert host.counts() == list(map(len, host.touched))


@pytest.fixture
def host(ops, shards):
    return shards.Host(ops, [(200_000, 16, "adagrad"), (10, 3, "sgd")])


def test_missing_folder_fails(host, tmp_path):
    missing = tmp_path / "missing" / "shard"
    fails(host, missing, tf.errors.NotFoundError, "Cannot open .*: No such file")


def test_full_disk_fails(host):
    full = Path("/dev/full")
    fails(host, full, tf.errors.ResourceExhaustedError, "No space left .* Make room")


def test_limit_of_file_sizes_fails(host, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        too_large = tf.errors.ResourceExhaustedError
        fails(host, tmp_path / "shard", too_large, "File too large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let tests mount a disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_disk_that_is_too_small_fails_and_takes_the_set_later(
    host, small_disk, tmp_path
):
    error = tf.errors.ResourceExhaustedError
    fails(host, small_disk / "shard", error, "No space left")
    state, _ = host.cut(False, tmp_path)
    pieces = host.write(tmp_path / "shard")
    host.check((tmp_path / "shard").read_bytes(), pieces, state, None)


def test_disk_without_room_for_copies_fails_the_set_only(host, small_disk, tmp_path):
    (small_disk / "other").write_bytes(bytes(7 << 20))
    before, _ = host.cut(False, small_disk, limit=NO_MEMORY)
    for _ in range(3):
        host.step(1_000)
    with pytest.raises(tf.errors.ResourceExhaustedError, match="copies of rows in"):
        host.write(tmp_path / "shard")
    host.end(False)
    assert (host.variables[0][0].numpy() != before[0][0]).any()
    assert host.counts() == [200_000, 10]


def test_write_without_a_cut_is_refused(host, tmp_path):
    with pytest.raises(tf.errors.FailedPreconditionError, match="no cut"):
        host.write(tmp_path / "shard")
    assert not list(tmp_path.iterdir())


def test_write_of_values_from_elsewhere_is_refused(host, tmp_path):
    host.cut(False, tmp_path)
    trackers = host.trackers
    writing = host.ops.shardline_touched_rows(trackers)
    assert writing.numpy().tolist() == [0, 0]
    host.set_touched(True)
    with pytest.raises(tf.errors.FailedPreconditionError, match="no cut"):
        host.write(tmp_path / "shard")
    host.end(False)
    assert host.counts() == [200_000, 10]


def test_variable_of_another_shape_is_refused(ops, shards, tmp_path):
    host = shards.Host(ops, [(100, 4, "sgd")])
    host.cut(False, tmp_path)
    host.variables = [[tf.Variable(tf.zeros([99, 4]))]]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[99,4\]"):
        host.write(tmp_path / "shard")


def test_slots_that_do_not_fit_are_refused(ops, shards, tmp_path):
    host = shards.Host(ops, [(100, 4, "adam")])
    host.cut(False, tmp_path)
    host.variables = [host.variables[0][:2]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="with 2 slots, got 1"):
        host.write(tmp_path / "shard")
