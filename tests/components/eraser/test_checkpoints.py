"""Rows and slots of erased tokens are reset, and all others keep their bits."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.eraser.checkpoints import (
    erase_from_archive,
    erase_from_checkpoint,
    index_digest,
    initial_values,
)
from shardline.components.eraser.graphs import erased_rows
from shardline.components.eraser.swap import staged
from shardline.configs.tables import SGD, Adagrad, Adam, Optimizer, Table

scope_of_users = load("components/eraser/scopes.py").scope_of_users
VALUE = ".ATTRIBUTES/VARIABLE_VALUE"


def known_users(old_run: Path) -> list[bytes]:
    assets = old_run / "transform_graph" / "transform_fn" / "assets"
    return (assets / "user").read_bytes().split()


def test_rows_and_slots_are_reset_and_nothing_else(old_run: Path) -> None:
    first, *_, last = known_users(old_run)
    scope = scope_of_users(first, last, b"99")
    rows = erased_rows(old_run / "transform_graph", scope)
    expected = dict(np.load(old_run / "values.npz"))
    assert len(rows["user"]) == 2
    expected["user"][rows["user"]] = 0
    expected["user/accumulators"][rows["user"]] = 0.1
    before = index_digest(old_run / "checkpoint")
    with staged(old_run / "checkpoint") as copy:
        change = erase_from_checkpoint(copy, rows, scope.erasure, {})
        again = erase_from_checkpoint(copy, rows, scope.erasure, {})
        reader = tf.train.load_checkpoint(str(copy / "checkpoint"))
        for name, values in expected.items():
            key = f"embedding/{name.replace('/', '.S')}/{VALUE}"
            np.testing.assert_array_equal(reader.get_tensor(key), values)
        assert index_digest(copy) != before
    assert change.rows == 2
    assert not again
    assert index_digest(old_run / "checkpoint") == before


def test_archived_rows_of_erased_tokens_go_with_their_slots(tmp_path: Path) -> None:
    folder = tmp_path / "evicted"
    folder.mkdir()
    np.save(folder / "user.rows.npy", np.array([2, 5, 9]))
    for tensor in ("parameters", "accumulators"):
        np.save(folder / f"user.{tensor}.npy", np.arange(6.0).reshape(3, 2))
    np.save(folder / "users.rows.npy", np.array([5]))

    gone = [erase_from_archive(tmp_path, "user", rows) for rows in ([5, 7], [5], [])]

    assert gone == [1, 0, 0]
    assert np.load(folder / "user.rows.npy").tolist() == [2, 9]
    for tensor in ("parameters", "accumulators"):
        assert np.load(folder / f"user.{tensor}.npy").tolist() == [[0, 1], [4, 5]]
    assert np.load(folder / "users.rows.npy").tolist() == [5]
    assert erase_from_archive(tmp_path, "movie", [5]) == 0


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [
        (Optimizer(sgd=SGD()), {}),
        (Optimizer(adagrad=Adagrad(initial_accumulator_value=0.5)), {0.5}),
        (Optimizer(adam=Adam()), {0.0}),
    ],
)
def test_slots_become_what_the_optimizer_begins_with(
    optimizer: Optimizer, slots: set[float]
) -> None:
    values = initial_values("a.b", Table(dim=3, optimizer=optimizer))

    table = values.pop(f"embedding/a..b/{VALUE}")
    assert table.tolist() == [0, 0, 0]
    assert len(values) == (2 if optimizer.adam else len(slots))
    assert {float(x) for value in values.values() for x in value} == set(slots)
    assert all(key.startswith("embedding/a..b.S") for key in values)
