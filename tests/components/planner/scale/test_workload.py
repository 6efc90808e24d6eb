"""What a small plan makes of 2,000 rows a day in two spans."""

import numpy as np
import pytest

from shardline.components.planner.scale.workload import Workload


def test_rows_ids_and_steps_of_a_span(workload: Workload) -> None:
    assert workload.span_s == 43_200
    assert workload.rows == 1000
    # 1 user, half of 6 that were seen, 2 that were liked.
    assert workload.row_ids == 6
    assert workload.ids == 6000
    assert workload.steps == 100
    assert workload.step_ids == 60


def test_floats_of_a_step(workload: Workload) -> None:
    assert workload.step_id_floats == 10 * (1 * 4 + 3 * 8 + 2 * 8)
    # A sequence has an activation for each place.
    assert workload.step_activation_floats == 10 * (4 + 5 * 8 + 8)


def test_bytes_between_chief_and_hosts_are_those_of_the_formula(
    workload: Workload,
) -> None:
    assert workload.step_bytes_from_hosts == 2 * 520 * 4
    assert workload.step_bytes_to_hosts == 12 * 60 + 2 * 520 * 4


def test_bytes_and_tokens_of_tables(workload: Workload) -> None:
    assert workload.total_bytes == 8000
    assert workload.row_bytes == 100 * 16 + 50 * 32
    assert workload.int8_bytes == 100 * 8 + 50 * 12
    assert workload.table_rows == 150
    assert workload.tokens == workload.largest_vocabulary == 90


def test_touched_rows_and_their_bytes(workload: Workload) -> None:
    # A user is looked up 10 times on average, an item 100 times.
    users = 100 * (1 - np.exp(-10))
    assert workload.touched["user"] == pytest.approx(users, rel=1e-6)
    assert workload.touched["item"] == pytest.approx(50, rel=1e-3)
    assert workload.touched_bytes(8, slots=True) == pytest.approx(
        users * (32 + 8) + 50 * (96 + 8), rel=1e-3
    )
    assert workload.touched_bytes(8, slots=False) == pytest.approx(
        users * (16 + 8) + 50 * (32 + 8), rel=1e-3
    )
