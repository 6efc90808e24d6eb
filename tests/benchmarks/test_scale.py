"""Unit costs: how they are measured, and the page that is made of them."""

from pathlib import Path

import pytest

from benchmarks.engine.workload import Workload
from benchmarks.scale import page, sections, workload
from benchmarks.scale.programs import hosts, tables, vocabulary
from shardline.components.planner.scale.unit_costs import load_unit_costs

ROOT = Path(__file__).parents[2]


def test_page_is_what_the_stored_costs_make_of_the_plan() -> None:
    """Made anew by `python -m benchmarks.scale --report-only`."""
    assert page.page(load_unit_costs()) == (ROOT / page.PAGE).read_text()


def test_costs_of_rows_and_ids_are_told_apart() -> None:
    few, more = workload.ROWS
    short, long = workload.LISTED_IDS

    def cost(rows: int, ids: int) -> float:
        # A start, rows, and ids: those of the list and a single one.
        return 50 + rows * (3 + 0.5 * (ids + 1))

    found = sections.row_cost(cost(few, short), cost(more, short), cost(more, long))

    assert found == pytest.approx({"row": 3, "id": 0.5})


@pytest.mark.parametrize("action", ["sort", "live", "look_up"])
def test_actions_on_vocabularies_take_all_tokens(tmp_path: Path, action: str) -> None:
    done = getattr(vocabulary, action)(tmp_path, 1000)()

    if action == "sort":
        assert (done.size, done.distinct) == (1000, 1000)
        assert len((tmp_path / "lines").read_text().splitlines()) == 1000
    elif action == "live":
        assert done.state.num_rows == 1000
    else:
        assert done == 1000


def test_steps_and_sets_of_a_small_engine_are_measured(tmp_path: Path) -> None:
    small = Workload(tables=1, rows=50, dim=4, batch=8)
    engine = hosts.new_engine(small, 1)

    assert hosts.step_cpu_s(engine, small) > 0
    saved = tables.sets(tmp_path / "sets", 400)
    assert saved["bytes"] > 400 * 64 * 4 * 2
    assert saved["row_overhead_bytes"] > 0
