"""`shardline run` as a user sees it: one good run, its outputs, and later runs."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tensorflow_model_analysis as tfma

from shardline.components.contracts.checkpoint_manifest import load_manifest

pytestmark = pytest.mark.slow
COMPONENTS = [
    "ReaderExampleGen",
    "ReaderSchemaGen",
    "StatisticsGen",
    "FeatureTransform",
    "ExampleValidator",
    "Trainer",
    "Exporter",
    "ServingValidator",
    "Evaluator",
    "Pusher",
]
FROM_TRAINER_ON = ["Trainer", "Exporter", "ServingValidator", "Evaluator", "Pusher"]
# Imports are the longest: 10 s on a quiet machine.
LONGEST_SILENCE_S = 60
GUARDED = Path(__file__).parents[1] / "guarded"
# The only lines there are: what runs, progress, ends of components, the table.
OWN_LINES = re.compile(
    r"Running .* into .*, log .*|  \w+: .*|  \w+ \.\.\. \d+ s"
    r"|\w+ +(done|reused) +[\d.]+ s|Finished in \d+ s *|[┏┃┡│└].*"
)


@pytest.fixture(scope="module")
def rejected_run(
    finished_run: Any,
    shardline: Callable[..., Any],
    small_config: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """A later run: fewer steps, an AUC that no model reaches, and too many bytes."""
    output_dir = tmp_path_factory.mktemp("rejected") / "run"
    shutil.copytree(finished_run.output_dir, output_dir)
    config = small_config(
        steps="40", min_auc="0.999", parity_examples="200\n  max_bytes: 1000"
    )
    finished = shardline("run", config, "--output-dir", output_dir)
    return dataclasses.replace(
        finished_run, config=config, output_dir=output_dir, finished=finished
    )


def test_good_run_shows_the_end_of_every_component(finished_run: Any) -> None:
    assert finished_run.finished.returncode == 0
    assert set(finished_run.finished.components) == set(COMPONENTS)
    assert set(finished_run.finished.components.values()) == {"done"}


def test_good_run_shows_what_came_of_it(finished_run: Any) -> None:
    text = finished_run.finished.text

    assert re.search(r"AUC │ 0\.\d{4} \(published from 0\.55 on\)", text)
    assert "120 on 2 hosts" in text
    for what in ("Normalized entropy", "Calibration", "TensorBoard", "Latency", "Log"):
        assert f"│ {what} " in text
    assert "│ Left out │ not told by the reader │" in text


def test_trainer_and_evaluator_tell_one_number(finished_run: Any) -> None:
    trainers = load_manifest(str(finished_run.artifact("Trainer", "checkpoint")))
    evaluation = str(finished_run.artifact("Evaluator", "evaluation"))
    evaluators = tfma.load_eval_result(evaluation).get_metrics_for_slice()

    # The engine's scores and the served model's differ in their last bit at most.
    for name, value in trainers.metrics.items():
        assert evaluators[name]["doubleValue"] == pytest.approx(value, rel=1e-6), name
    assert set(trainers.metrics) == {"auc", "normalized_entropy", "calibration"}
    shown = re.search(r"evaluation: auc ([\d.]+)", finished_run.finished.text)
    assert re.search(rf"AUC\W+{shown[1]} ", finished_run.finished.text)


def test_good_run_shows_that_the_model_answers_as_in_training(
    finished_run: Any,
) -> None:
    shown = " ".join(line.strip("│ ") for line in finished_run.finished.lines)
    shown = " ".join(shown.replace("│", " ").split())

    assert "200 examples, largest difference" in shown
    for table, refused in {"genre": 13, "movie": 11, "user": 5}.items():
        assert f"{table}: float32, " in shown
        assert re.search(
            rf"{table}: \d+ examples, off by 0\.0e\+00, {refused} refused",
            shown,
        )
    for gate in ("parity", "size", "quality", "latency"):
        assert f"ServingValidator: {gate} passes: " in shown


def test_verdict_on_the_model_is_an_artifact(finished_run: Any) -> None:
    folder = finished_run.artifact("ServingValidator", "validation")

    validation = json.loads((folder / "validation.json").read_text())

    assert validation["blessed"] is True
    assert set(validation["latency_ms"]) == {"1", "256"}
    published = finished_run.published / "assets.extra" / "publication.json"
    said = json.loads(published.read_text())
    assert [gate["gate"] for gate in said["gates"]] == [
        "evaluation",
        *(gate["gate"] for gate in validation["gates"]),
    ]


def test_good_run_shows_no_line_of_a_library(finished_run: Any) -> None:
    others = [
        line
        for line in finished_run.finished.lines
        if line and not OWN_LINES.fullmatch(line)
    ]

    assert others == []


def test_good_run_is_never_silent_for_long(finished_run: Any) -> None:
    finished = finished_run.finished
    times_s = [0.0, *finished.times_s, finished.seconds]

    assert max(b - a for a, b in pairwise(times_s)) < LONGEST_SILENCE_S


def test_good_run_keeps_what_libraries_print_in_its_log(finished_run: Any) -> None:
    logs = list((finished_run.output_dir / "logs").iterdir())

    assert str(min(logs)) in finished_run.finished.lines[0]
    assert "INFO:" in min(logs).read_text()


def test_checkpoint_has_one_data_file_for_each_host(finished_run: Any) -> None:
    folder = finished_run.artifact("Trainer", "checkpoint")

    assert len(list(folder.glob("checkpoint.data-*"))) == 2
    assert len(list(folder.glob("checkpoint.index"))) == 1


def test_same_run_again_reuses_every_component_and_says_so(
    finished_run: Any, shardline: Callable[..., Any]
) -> None:
    again = shardline(
        "run", finished_run.config, "--output-dir", finished_run.output_dir
    )

    assert again.returncode == 0, again.text
    # The pusher looks again at what is published, and leaves it.
    assert again.components == dict.fromkeys(COMPONENTS, "reused") | {"Pusher": "done"}
    assert "│ Reused " in again.text
    assert len(list((finished_run.output_dir / "serving").glob("[0-9]*"))) == 1


def test_changed_training_runs_only_the_trainer_and_what_follows(
    rejected_run: Any,
) -> None:
    ends = rejected_run.finished.components

    assert ends == {
        component: "done" if component in FROM_TRAINER_ON else "reused"
        for component in COMPONENTS
    }


def test_model_that_gates_hold_back_is_not_published(
    rejected_run: Any, finished_run: Any
) -> None:
    finished = rejected_run.finished

    assert finished.returncode == 1
    assert "The model was not published. It lies in " in finished.text
    assert "evaluation: AUC 0." in finished.text
    assert "at least 0.999 is asked for (evaluation.min_auc)" in finished.text
    assert "size: the model's files have " in finished.text
    assert "at most 1,000 are allowed (serving.max_bytes)" in finished.text
    assert '--force "REASON"' in finished.text
    assert "Traceback" not in finished.text
    serving = rejected_run.output_dir / "serving"
    versions = [path.name for path in serving.glob("[0-9]*")]
    assert versions == [finished_run.published.name]


def test_forced_model_is_published_and_the_reason_recorded(
    rejected_run: Any, shardline: Callable[..., Any], tmp_path: Path
) -> None:
    output_dir = tmp_path / "run"
    shutil.copytree(rejected_run.output_dir, output_dir)

    forced = shardline(
        "run", rejected_run.config, "--output-dir", output_dir, "--force", "a trial"
    )

    assert forced.returncode == 0, forced.text
    assert forced.components["Pusher"] == "done"
    assert forced.components["ServingValidator"] == "reused"
    shown = " ".join(forced.text.replace("│", " ").split())
    assert "by force: a trial which overrides evaluation,size" in shown
    newest = max((output_dir / "serving").glob("[0-9]*"))
    publication = newest / "assets.extra" / "publication.json"
    said = json.loads(publication.read_text())
    assert (said["forced"], said["overridden"]) == ("a trial", ["evaluation", "size"])


def test_run_tries_to_reach_no_address(finished_run: Any) -> None:
    assert not finished_run.attempts.exists()
    for log in (finished_run.output_dir / "logs").iterdir():
        assert "prism" not in log.read_text().lower()


def test_what_a_guarded_process_tries_is_noted(tmp_path: Path) -> None:
    code = "import urllib.request as r; r.urlopen('http://192.0.2.1')"
    file = tmp_path / "attempts"

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(GUARDED), "SHARDLINE_TEST_ATTEMPTS": str(file)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "a test may not reach 192.0.2.1" in done.stderr
    assert file.read_text() == "socket.getaddrinfo: 192.0.2.1\n"
