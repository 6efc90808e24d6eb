"""All quantities of a small plan, multiplied by hand."""

import pytest

from shardline.components.planner.scale.estimate import estimate
from shardline.components.planner.scale.unit_costs import UnitCosts
from shardline.components.planner.scale.workload import Workload


@pytest.fixture
def found(workload: Workload, costs: UnitCosts) -> dict[str, dict[str, float]]:
    return {
        group.title: {one.name: one.value for one in group.quantities}
        for group in estimate(workload, costs)
    }


def test_beam_workers(found: dict[str, dict[str, float]]) -> None:
    beam = found["Beam workers"]
    # 1,000 rows and 6,000 ids in half a day.
    assert beam["reading: cores"] == pytest.approx(5000 / 43_200)
    assert beam["statistics: cores"] == pytest.approx(10_000 / 43_200)
    assert beam["machines for all of it"] == pytest.approx(25_000 / 43_200 / 4)
    assert beam["examples, raw and transformed"] == 54_000
    assert beam["vocabularies in memory, each worker process"] == 90 * 60


def test_vocabularies(found: dict[str, dict[str, float]]) -> None:
    assert found["Vocabularies"] == {
        "largest, put in order: memory": 9000,
        "largest, put in order: time": 22.5,
        "largest, living, updated: memory": 27_000,
        "largest, living, updated: time": 45,
    }


def test_training(found: dict[str, dict[str, float]]) -> None:
    training = found["Training: chief and hosts"]
    assert training["a step: the chief's network"] == pytest.approx(4.88)
    assert training["a step: the chief's cores"] == pytest.approx(
        (10 * 0.1 + 60 * 0.01 + 60 * 0.002 + 2 * 520 * 0.0005) / 4
    )
    assert training["a step: the cores of the hosts"] == pytest.approx(
        (60 * 0.01 + 440 * 0.001) / 8
    )
    assert training["a span's training"] == pytest.approx(488)
    assert training["tables on a host"] == 4000
    assert training["the same on a TPU's host while loading or saving"] == 8000


def test_slowest_part_of_a_step_is_named(workload: Workload, costs: UnitCosts) -> None:
    (how,) = [
        quantity.how
        for group in estimate(workload, costs)
        for quantity in group.quantities
        if quantity.name == "a span's training"
    ]

    assert how.endswith("which is the chief's network")


def test_all_of_a_span_is_the_sum_of_its_parts(
    found: dict[str, dict[str, float]],
) -> None:
    *parts, in_all = found["A span, one thing after the other"].values()
    assert in_all == pytest.approx(sum(parts))


def test_checkpoint_sets(
    found: dict[str, dict[str, float]], workload: Workload
) -> None:
    sets = found["Checkpoint sets"]
    assert sets["a whole set"] == 8000
    assert sets["a whole set: time to write"] == 40
    assert sets["a whole set: a host's cores"] == 2000
    assert sets["a restore: a host's cores"] == 1000
    assert sets["a span's differential set"] == workload.touched_bytes(8, slots=True)


def test_publishing_and_serving(found: dict[str, dict[str, float]]) -> None:
    published = found["Publishing and serving"]
    assert published["model, float32"] == 3200
    assert published["export, float32"] == 1600
    assert published["memory of a serving process, float32"] == 1.5 * 3200 + 5400
    assert published["memory of a serving process, int8"] == 1.5 * 1400 + 5400


def test_every_quantity_says_how_it_was_worked_out(
    workload: Workload, costs: UnitCosts
) -> None:
    for group in estimate(workload, costs):
        assert all(quantity.how for quantity in group.quantities)
