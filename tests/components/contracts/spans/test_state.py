"""The state beside the published models: whole, of this run, and readable."""

from pathlib import Path

import pytest

from shardline.components.contracts.spans.plan import Base, SpanPlan, Trained
from shardline.components.contracts.spans.state import (
    STATE_FILE,
    SpanState,
    StateError,
    load_state,
)

BASE = Base(checkpoint="c", vocabularies="v", transform_graph="g", steps=1, spans=())


def run(verdict: str) -> Trained:
    return Trained(plan=SpanPlan(), base=BASE, model="m", verdict=verdict)  # type: ignore[arg-type]


def test_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    serving = str(tmp_path / "serving")
    state = SpanState(name="shop", runs=(run("published"),), skipped={"1": "bots"})

    state.save(serving)

    assert load_state(serving, "shop") == state
    assert [path.name for path in Path(serving).iterdir()] == [STATE_FILE]


def test_without_a_file_nothing_was_done(tmp_path: Path) -> None:
    state = load_state(str(tmp_path), "shop")

    assert state == SpanState(name="shop")
    assert state.base is None
    assert state.refused is None


def test_last_run_tells_the_base_and_whether_it_was_refused() -> None:
    state = SpanState(name="shop", runs=(run("refused"), run("forced")))

    assert state.base == BASE
    assert state.refused is None
    assert SpanState(name="shop", runs=(run("refused"),)).refused == run("refused")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "spans.json is damaged: .*Bring the file back, or remove it: training"),
        ('{"name": "shop"', "is damaged"),
        ('{"name": "shop", "runs": [{}]}', "is damaged: Field required"),
        ('{"name": "shop", "format": 2}', "has format 2, and format 1 can be read"),
        ('{"name": "other"}', "is that of run `other`, and this one is `shop`"),
    ],
)
def test_state_that_cannot_be_gone_on_from_is_an_error(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / STATE_FILE).write_text(text)

    with pytest.raises(StateError, match=message):
        load_state(f"{tmp_path}/", "shop")
