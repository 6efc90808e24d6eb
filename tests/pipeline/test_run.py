"""`shardline run` as a user sees it: one good run, its outputs, and later runs."""

import contextlib
import dataclasses
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tensorflow_serving.apis import prediction_log_pb2
from typer.testing import CliRunner, Result

from shardline import configs
from shardline.components.contracts.checkpoint_manifest import load_manifest
from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import publish_model
from shardline.configs.schema import Publishing
from shardline.pipeline.commands.app import app

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
LONGEST_SILENCE_S = 15
SHARDLINE = Path(sys.executable).with_name("shardline")
GUARDED = Path(__file__).parents[1] / "guarded"
# The only lines there are: what runs, progress, ends of components, the table.
OWN_LINES = re.compile(
    r"Running .* into .*, log .*|  \w+: .*|  \w+ \.\.\. \d+ s"
    r"|\w+ +(done|reused) +[\d.]+ s|Finished in \d+ s *|[┏┃┡│└].*"
)


@pytest.fixture(scope="module")
def examples(finished_run: Any) -> list[bytes]:
    """The serialized examples that travel with the published model."""
    path = finished_run.published / "assets.extra" / "parity" / "examples.tfrecord"
    return list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())


@pytest.fixture(scope="module")
def signatures(finished_run: Any) -> Any:
    """The signatures of the published model."""
    return tf.saved_model.load(str(finished_run.published)).signatures


@pytest.fixture(scope="module")
def scores(signatures: Any, examples: list[bytes]) -> np.ndarray:
    """What the published model answers in Python: float32 [examples]."""
    answer = signatures["serving_default"](examples=tf.constant(examples))
    return answer["scores"].numpy()


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


@pytest.fixture
def delta_run(finished_run: Any, tmp_path: Path) -> Path:
    """An output folder: the published model, and a delta that changes a parity score.

    What else a publisher keeps of the newest version is not there.
    """
    serving, changed = tmp_path / "run" / "serving", tmp_path / "changed"
    shutil.copytree(finished_run.published, serving / finished_run.published.name)
    leave_out = shutil.ignore_patterns("publication.json")
    shutil.copytree(finished_run.published, changed, ignore=leave_out)
    recorded = changed / "assets.extra" / "parity" / "scores.npy"
    scores = np.load(recorded)
    scores[3] += 0.25
    np.save(recorded, scores)
    publishing = Publishing(mode="delta", max_delta=0.99)
    published = publish_model(str(changed), str(serving), publishing, Record())
    assert published.kind == "delta"
    shutil.rmtree(serving / ".base")
    return serving.parent


def serve_check(config: Path, output_dir: Path) -> Result:
    return CliRunner().invoke(
        app, ["serve-check", str(config), "--output-dir", str(output_dir)]
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


def test_published_folder_is_what_a_model_server_reads(finished_run: Any) -> None:
    folder = finished_run.published

    assert folder.name.isdigit()
    versions = [path for path in folder.parent.iterdir() if path.name.isdigit()]
    assert versions == [folder]
    assert (folder / "saved_model.pb").is_file()
    assert (folder / "variables" / "variables.index").is_file()
    assert {path.name for path in (folder / "assets").iterdir()} >= {"movie", "user"}


def test_warmup_requests_of_the_published_model_can_be_answered(
    finished_run: Any, signatures: Any, scores: np.ndarray
) -> None:
    path = finished_run.published / "assets.extra" / "tf_serving_warmup_requests"
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    answered = []
    for record in records:
        log = prediction_log_pb2.PredictionLog.FromString(record)
        request = log.predict_log.request
        assert request.model_spec.name == "small"
        answer = signatures[request.model_spec.signature_name](
            examples=tf.constant(tf.make_ndarray(request.inputs["examples"]))
        )
        answered += answer["scores"].numpy().tolist()

    assert len(records) == 10
    # The examples in their order, again and again.
    np.testing.assert_allclose(answered, np.resize(scores, len(answered)), atol=1e-6)


def test_published_model_passes_serve_check(finished_run: Any) -> None:
    result = serve_check(finished_run.config, finished_run.output_dir)

    assert result.exit_code == 0, result.output
    assert "answers 200 examples as the engine did" in result.output
    assert "lookups of 3 tables are as in training, 29 are refused" in result.output


def test_delta_that_differs_fails_serve_check(
    finished_run: Any, delta_run: Path
) -> None:
    result = serve_check(finished_run.config, delta_run)

    assert result.exit_code == 1
    text = " ".join(result.output.split())
    assert "Scores differ by 0.25, at most 1e-06 is allowed" in text
    assert "example 3 of 200: the engine said" in text
    assert "It is age [" in text or "user_id ['" in text
    assert "Traceback" not in result.output
    assert [path.name for path in delta_run.iterdir()] == ["serving"]


def test_delta_of_a_version_that_is_gone_fails_serve_check(
    finished_run: Any, delta_run: Path
) -> None:
    shutil.rmtree(delta_run / "serving" / finished_run.published.name)

    result = serve_check(finished_run.config, delta_run)

    assert result.exit_code == 1
    assert "cannot be made. Publish a full version." in result.output
    assert "Traceback" not in result.output


def test_c_client_scores_as_python(
    finished_run: Any, score_client: Path, scores: np.ndarray
) -> None:
    parity = finished_run.published / "assets.extra" / "parity"

    done = subprocess.run(
        [score_client, finished_run.published, parity / "examples.tfrecord"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    answered = np.array(done.stdout.split(), np.float32)
    np.testing.assert_allclose(answered, scores, rtol=0, atol=1e-7)
    np.testing.assert_allclose(answered, np.load(parity / "scores.npy"), atol=1e-6)
    assert len(set(answered.tolist())) > 100


def test_columns_signature_scores_as_serving_default(
    signatures: Any, examples: list[bytes], scores: np.ndarray
) -> None:
    columns = signatures["columns"].structured_input_signature[1]
    ragged = {name[: -len("_values")] for name in columns if name.endswith("_values")}
    spec = {
        name: tf.io.RaggedFeature(
            columns[f"{name}_values"].dtype, row_splits_dtype=tf.int64
        )
        for name in ragged
    }
    spec |= {
        name: tf.io.FixedLenFeature([], column.dtype)
        for name, column in columns.items()
        if not name.endswith(("_values", "_row_splits"))
    }
    flat = {}
    for name, column in tf.io.parse_example(examples, spec).items():
        if name in ragged:
            flat |= {
                f"{name}_values": column.values,
                f"{name}_row_splits": column.row_splits,
            }
        else:
            flat[name] = column

    answer = signatures["columns"](**flat)

    assert ragged == {"genres", "history", "past_genres", "past_genre_counts"}
    assert "label" not in columns
    np.testing.assert_allclose(answer["scores"], scores, rtol=0, atol=1e-7)


def test_one_example_alone_scores_as_among_others(
    signatures: Any, examples: list[bytes], scores: np.ndarray
) -> None:
    for place in (0, 7, 199):
        alone = signatures["serving_default"](
            examples=tf.constant(examples[place : place + 1])
        )
        np.testing.assert_allclose(alone["scores"], scores[[place]], atol=1e-6)


def test_same_run_again_reuses_every_component_and_says_so(
    finished_run: Any, shardline: Callable[..., Any]
) -> None:
    again = shardline(
        "run", finished_run.config, "--output-dir", finished_run.output_dir
    )

    assert again.returncode == 0, again.text
    # The pusher looks again at what is published, and leaves it.
    assert again.components == dict.fromkeys(COMPONENTS, "reused") | {"Pusher": "done"}
    assert again.seconds < 60
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


def test_changed_wheel_fails_with_both_digests(
    shardline: Callable[..., Any], tmp_path: Path
) -> None:
    config = Path(configs.__file__).with_name("movielens.yaml")
    wheel = tmp_path / "data" / "recbole-1.2.1-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"not what was published")

    finished = shardline("run", config, "--output-dir", tmp_path)

    assert finished.returncode == 1
    assert f"{wheel}: its SHA-256 digest is " in finished.text
    assert "expected 9c994820" in finished.text
    assert "Traceback" not in finished.text


def test_absent_column_fails_before_any_component_runs(
    shardline: Callable[..., Any], small_config: Callable[..., Path], tmp_path: Path
) -> None:
    config = small_config(user_id="{table: user, column: usr}")

    finished = shardline("run", config, "--output-dir", tmp_path / "run")

    assert finished.returncode == 1
    assert finished.components == {}
    assert (
        "feature `user_id`: column `usr` is not among the reader's columns ("
        in finished.text
    )
    assert "Traceback" not in finished.text


def test_empty_split_fails_with_its_reason(
    shardline: Callable[..., Any], small_config: Callable[..., Path], tmp_path: Path
) -> None:
    config = small_config(options="{eval_fraction: 0.0001, history_length: 10}")

    finished = shardline("run", config, "--output-dir", tmp_path / "run")

    assert finished.returncode == 1
    assert "Failed in ReaderExampleGen" in finished.text
    assert "Split 'eval' is empty: 2400 ratings were split by time" in finished.text
    assert "Traceback" not in finished.text
    assert len(finished.lines) < 15


def test_output_folder_below_a_file_fails_with_a_remedy(
    shardline: Callable[..., Any], small_config: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    finished = shardline(
        "run", small_config(), "--output-dir", tmp_path / "file" / "run"
    )

    assert finished.returncode == 1
    assert "cannot be written: Not a directory. Choose another" in finished.text
    assert "Traceback" not in finished.text


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


def interrupted(
    number: int, where: str, config: Path, output_dir: Path
) -> tuple[int, str]:
    """Sends a signal to a run once it prints something; its exit code and last line."""
    lines = []
    with subprocess.Popen(
        [SHARDLINE, "run", config, "--output-dir", output_dir],
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        for line in command.stdout:
            lines.append(line)
            if where in line:
                command.send_signal(number)
                where = "not printed"
        return command.wait(30), lines[-1]


def test_stopped_command_leaves_no_process_and_no_temporary_files(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    output_dir = tmp_path / "run"

    code, said = interrupted(
        signal.SIGTERM, "loading TensorFlow", small_config(), output_dir
    )

    assert code == 128 + signal.SIGTERM
    assert said.startswith("Interrupted in Starting after ")
    assert processes_with(str(output_dir)) == []
    assert list(output_dir.glob(".tmp-*")) == []


def test_interrupted_training_leaves_nothing_and_the_next_run_goes_on(
    shardline: Callable[..., Any], small_config: Callable[..., Path], tmp_path: Path
) -> None:
    config, output_dir = small_config(), tmp_path / "run"

    code, said = interrupted(signal.SIGINT, "  Trainer: step", config, output_dir)

    assert code == 128 + signal.SIGINT
    assert said.startswith("Interrupted in Trainer after ")
    assert "run the same command again to go on" in said
    for output in ("checkpoint", "model_run"):
        assert list((output_dir / "artifacts" / "Trainer" / output).iterdir()) == []
    with sqlite3.connect(output_dir / "metadata.sqlite") as metadata:
        states = metadata.execute("SELECT last_known_state FROM Execution").fetchall()
    assert (mlmd.Execution.RUNNING,) not in states

    again = shardline("run", config, "--output-dir", output_dir)
    assert again.returncode == 0, "\n".join(again.lines)
    assert again.components["FeatureTransform"] == "reused"
    assert again.components["Trainer"] == "done"


def processes_with(argument: str) -> list[str]:
    """The command lines of the processes that have an argument."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            arguments = file.read_bytes().split(b"\0")
            if argument.encode() in arguments:
                found.append(b" ".join(arguments).decode())
    return found
