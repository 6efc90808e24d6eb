"""`shardline spans`, as one sees it on a terminal."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load
from typer.testing import Result

from shardline.components.contracts.spans.state import SpanState, load_state
from shardline.configs import load_run
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.span_runs import next_plan

days = load(Path(__file__).parents[1] / "days.py")

Invoke = Callable[..., Result]


class Shop:
    """A run of data in days, whose pipeline is not run."""

    def __init__(self, folder: Path, invoke: Invoke, **told: str) -> None:
        self.folder = folder
        self.config = days.write_config(folder, **told)
        self.run_folder = RunFolder(folder / "run")
        self._invoke = invoke

    def __call__(self, command: str, *arguments: str) -> Result:
        out = f"--output-dir={self.run_folder.root}"
        return self._invoke("spans", command, self.config, *arguments, out)

    @property
    def state(self) -> SpanState:
        return load_state(str(self.run_folder.serving), "shop")

    def carry_out(self, *verdicts: str) -> None:
        data = str(self.folder / "clicks")
        serving = self.run_folder.serving
        for verdict in verdicts:
            plan, _ = next_plan(load_run(self.config), data, str(serving))
            days.carry_out(plan, serving, verdict)


@pytest.fixture
def shop(tmp_path: Path, invoke: Invoke) -> Shop:
    """One whose days 27 to 30 of November are there."""
    made = Shop(tmp_path, invoke)
    days.write_days(tmp_path, *(f"2026-11-{day}" for day in range(27, 31)))
    return made


def test_spans_are_shown_in_a_table(shop: Shop) -> None:
    shop.carry_out("published", "refused")

    result = shop("ls")

    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split() for line in lines[1:5]] == [
        ["2026-11-27", "1", "served", "2026-11-28", "0.7500", "0.9000", "170"],
        ["2026-11-28", "1", "refused", "2026-11-29", "0.7500", "0.9000"],
        ["2026-11-29", "1", "waiting"],
        ["2026-11-30", "1", "waiting"],
    ]
    assert lines[5] == "2026-11-28 refused: regression: AUC fell by 0.02"
    assert lines[6].startswith("Nothing is due. Waiting for a decision: the model that")


def test_next_run_is_told(shop: Shop) -> None:
    result = shop("ls")

    assert result.output.splitlines()[-1] == (
        "Next: trains on 2026-11-27, judged on 2026-11-28 (the first span)"
    )
    assert [line.split()[2] for line in result.output.splitlines()[1:3]] == [
        "due",
        "judging",
    ]


def test_table_as_json(shop: Shop) -> None:
    shop.carry_out("published")

    listed = json.loads(shop("ls", "--json").output)

    assert listed["next"].startswith("Next: trains on 2026-11-28")
    assert listed["spans"][0] == {
        "span": "2026-11-27",
        "version": 1,
        "status": "served",
        "judged_on": "2026-11-28",
        "metrics": {"auc": 0.75, "normalized_entropy": 0.9},
        "served_version": "170",
        "note": "",
    }


def test_data_that_no_run_can_begin_with_is_shown_all_the_same(shop: Shop) -> None:
    shop.carry_out("published")
    (shop.folder / "clicks" / "day-2026-11-27.csv").write_text("label,user\n")

    result = shop("ls")

    assert result.exit_code == 0
    assert len(result.output.splitlines()) == 6
    assert "Span 2026-11-27, version 1, was trained on, and" in result.output


def test_span_is_skipped(shop: Shop) -> None:
    shop.carry_out("published", "refused")

    result = shop("skip", "20261128", "--reason", "bots")

    assert result.output == "Span 2026-11-28 is left out: bots\n"
    assert shop.state.skipped == {"2026-11-28": "bots"}
    listed = shop("ls").output
    assert "2026-11-28 skipped: bots" in listed
    assert "Next: trains on 2026-11-29" in listed


def test_span_may_be_skipped_before_the_first_run(shop: Shop) -> None:
    assert shop("skip", "2026-11-27", "--reason", "a test").exit_code == 0
    assert "Next: trains on 2026-11-28" in shop("ls").output


def test_refused_model_is_tried_again(shop: Shop) -> None:
    shop.carry_out("published", "refused")

    result = shop("retry")

    assert result.output == "The next run trains on 2026-11-28 again\n"
    assert len(shop.state.runs) == 1


def test_replay_goes_back_and_keeps_the_state_that_was(shop: Shop) -> None:
    shop.carry_out("published", "published", "published")
    before = shop.state

    result = shop("replay", "--from", "2026-11-28")

    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[1] == (
        "2 runs are undone. The last that stays trained on 2026-11-27."
    )
    assert shop.state.runs == before.runs[:1]
    (kept,) = shop.run_folder.serving.glob("spans-before-*.json")
    assert str(kept) in result.output
    assert SpanState.model_validate_json(kept.read_text()) == before
    assert "Next: trains on 2026-11-28" in shop("ls").output


def test_replay_from_the_beginning(shop: Shop) -> None:
    shop.carry_out("published")

    assert shop("replay", "--from=2026-11-27").output.splitlines()[1] == (
        "1 run is undone. Training begins anew."
    )
    assert shop.state == SpanState(name="shop")


def test_replay_onto_what_is_gone_changes_nothing(shop: Shop) -> None:
    shop.carry_out("published", "published")
    before = shop.state
    assert before.runs[0].base is not None
    Path(before.runs[0].base.checkpoint).rmdir()

    result = shop("replay", "--from", "2026-11-28")

    assert result.exit_code == 1
    assert "which is gone. Go back further" in result.output
    assert shop.state == before
    assert not list(shop.run_folder.serving.glob("spans-before-*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["skip", "yesterday", "--reason=r"], "`yesterday` is no name of a span"),
        (["skip", "2026-11-27", "--reason=r"], "Span 2026-11-27 was learnt by the run"),
        (["retry"], "No model was refused last"),
        (["replay", "--from=2026-12-24"], "No run has trained on span 2026-12-24"),
    ],
)
def test_what_has_no_meaning_is_refused(
    shop: Shop, arguments: list[str], message: str
) -> None:
    shop.carry_out("published")
    before = shop.state

    result = shop(*arguments)

    assert result.exit_code == 1
    assert message in result.output
    assert shop.state == before


@pytest.mark.parametrize("command", ["skip", "retry", "replay"])
def test_state_is_not_changed_while_a_run_uses_it(shop: Shop, command: str) -> None:
    shop.carry_out("published", "refused")
    arguments = {"skip": ["2026-11-28", "--reason=r"], "replay": ["--from=2026-11-27"]}
    before = shop.state

    with shop.run_folder.held():
        result = shop(command, *arguments.get(command, []))

    assert result.exit_code == 1
    assert "is held by process" in result.output
    assert shop.state == before


def test_data_without_spans_is_refused(tmp_path: Path, invoke: Invoke) -> None:
    config = days.write_config(tmp_path, pattern="train.csv")
    config.write_text(config.read_text().replace("  spans: {}\n", ""))

    result = invoke("spans", "ls", config)

    assert result.exit_code == 1
    assert "does not come in spans. Say how it does under `data.spans`" in result.output


@pytest.mark.orchestration
def test_state_of_a_platform_is_changed_in_its_bucket(
    shop: Shop, invoke: Invoke, buckets: Any
) -> None:
    shop.carry_out("published", "refused")
    place = f"{buckets.new('models')}/serving"
    shop.state.save(place)
    data = f"{buckets.new('data')}/clicks"
    shutil.copytree(shop.folder / "clicks", buckets.path(data))
    shutil.rmtree(shop.run_folder.serving)
    on_platform = f"--serving-dir={place}"

    listed = invoke("spans", "ls", shop.config, on_platform, f"--data-path={data}")
    skipped = invoke(
        "spans", "skip", shop.config, "2026-11-28", "--reason=bots", on_platform
    )

    assert (listed.exit_code, skipped.exit_code) == (0, 0), skipped.output
    assert "2026-11-28 1 refused 2026-11-29" in " ".join(listed.output.split())
    assert skipped.output == "Span 2026-11-28 is left out: bots\n"
    assert load_state(place, "shop").skipped == {"2026-11-28": "bots"}
    assert not shop.run_folder.serving.exists()

    buckets.refuse_writes("models")
    refused = invoke("spans", "replay", shop.config, "--from=2026-11-27", on_platform)
    assert refused.exit_code == 1
    assert f"'{place}/spans-before-" in refused.output


@pytest.mark.orchestration
def test_state_of_a_platform_does_not_go_back_to_what_is_gone(
    shop: Shop, invoke: Invoke, buckets: Any
) -> None:
    shop.carry_out("published", "published")
    work, place = buckets.new("work"), f"{buckets.new('models')}/serving"
    told = shop.state.model_dump_json().replace(str(shop.run_folder.root), work)
    before = SpanState.model_validate_json(told)
    before.save(place)

    result = invoke(
        *("spans", "replay", shop.config),
        *("--from=2026-11-28", f"--serving-dir={place}"),
    )

    assert result.exit_code == 1
    assert f"would go on from {work}/run-0, which is gone" in result.output
    assert load_state(place, "shop") == before
