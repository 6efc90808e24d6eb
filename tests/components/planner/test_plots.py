"""Pictures of a plan."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.components.planner.planning import TrainingSetup
from shardline.components.planner.plots import (
    draw,
    frequencies,
    host_balance,
    ids_per_row,
)
from shardline.components.planner.report import Plan


@pytest.fixture(scope="session")
def plan(planned: Callable[..., Plan]) -> Plan:
    return planned()


def test_pictures_are_written(plan: Plan, tmp_path: Path) -> None:
    files = draw(plan, str(tmp_path / "new" / "plots"))

    assert [Path(file).name for file in files] == [
        "frequencies.png",
        "ids_per_row.png",
        "host_balance.png",
    ]
    for file in files:
        assert Path(file).read_bytes().startswith(b"\x89PNG")


def test_every_table_has_a_panel_with_its_hot_ids(plan: Plan) -> None:
    panels = [panel for panel in frequencies(plan).axes if panel.get_visible()]

    assert [panel.get_title() for panel in panels] == list(plan.tables)
    told = panels[0].texts[0].get_text()
    assert f"80 %: {plan.tables['user'].hot_ids:,}" in told


def test_features_that_always_have_one_id_are_not_drawn(plan: Plan) -> None:
    (axes,) = ids_per_row(plan).axes

    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["history", "first", "liked", "city", "pairs", "bag"]


def test_every_table_has_a_bar_of_its_busiest_host(plan: Plan) -> None:
    (axes,) = host_balance(plan).axes

    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["all tables", *plan.tables]
    assert axes.texts[1].get_text() == f"{plan.tables['user'].imbalance:.2f}"


def test_long_names_are_cut(plan: Plan) -> None:
    long = {f"{name}_{'x' * 50}": table for name, table in plan.tables.items()}

    figure = frequencies(plan.model_copy(update={"tables": long}))

    assert max(len(panel.get_title()) for panel in figure.axes) == 24


def test_pictures_that_tell_nothing_are_left_out(
    planned: Callable[..., Plan], tmp_path: Path
) -> None:
    plan = planned(TrainingSetup(hosts=1, batch_size=10, sparse_cores=1))
    single = {"user": plan.features["user"]}

    files = draw(plan.model_copy(update={"features": single}), str(tmp_path))

    assert [Path(file).name for file in files] == ["frequencies.png"]


def test_plan_without_lookups_can_be_drawn(plan: Plan, tmp_path: Path) -> None:
    empty = plan.tables["item"].model_copy(
        update={"frequencies": [], "lookups": 0, "hot_ids": 0}
    )

    assert (
        len(draw(plan.model_copy(update={"tables": {"a": empty}}), str(tmp_path))) == 3
    )
