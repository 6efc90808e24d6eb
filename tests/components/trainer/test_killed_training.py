"""A training that is killed again and again ends as one that never was, to the bit."""

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx_bsl.coders import example_coder

from shardline.components.features.analysis.in_process import analyze_batches
from shardline.components.features.graph.loaded_graph import LoadedGraph
from shardline.components.features.graph.schema import example_schema
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.features.writing.example_files import TFRecordWriter
from shardline.components.readers.example_reader import Column
from shardline.configs.schema import Feature, FeatureSet, Optimizer, Table, Target

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).with_name("killed_program.py")
FEATURES = FeatureSet(
    features={
        "user": Feature(table="user"),
        "movie": Feature(table="movie"),
        "history": Feature(table="movie", max_sequence_length=3),
    },
    tables={
        "user": Table(dim=4, optimizer=Optimizer(adam={})),
        "movie": Table(dim=4, optimizer=Optimizer(adagrad={})),
    },
)
COLUMNS = {
    "label": Column("float"),
    "user": Column("string"),
    "movie": Column("string"),
    "history": Column("string", ragged=True),
}
SPLITS = {"train": 3, "eval": 1, "validation": 1}
EXAMPLES_OF_A_FILE = 500
BATCH_SIZE = 64


def examples(numbers: random.Random) -> list[bytes]:
    """Draws serialized examples whose label depends on user and movie."""
    made = []
    for _ in range(EXAMPLES_OF_A_FILE):
        user, movie = numbers.randrange(2000), numbers.randrange(3000)
        likes = (user * 7 + movie * 3) % 10 < 4 + 2 * numbers.random()
        history = [numbers.randrange(3000) for _ in range(user % 5)]
        tokens = {"user": [user], "movie": [movie], "history": history}
        example = tf.train.Example()
        example.features.feature["label"].float_list.value.append(float(likes))
        for name, values in tokens.items():
            encoded = [str(value).encode() for value in values]
            example.features.feature[name].bytes_list.value.extend(encoded)
        made.append(example.SerializeToString())
    return made


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the components before the Trainer make."""
    folder = tmp_path_factory.mktemp("inputs")
    numbers = random.Random(4)
    raw = {
        split: [examples(numbers) for _ in range(files)]
        for split, files in SPLITS.items()
    }
    decoder = example_coder.ExamplesToRecordBatchDecoder(
        example_schema(COLUMNS).SerializeToString()
    )
    preprocessing = FEATURES.preprocessing(Target(label="label"))
    training = [decoder.DecodeBatch(file) for file in raw["train"]]
    statistics = analyze_batches(training, preprocessing, str(folder))
    graph = str(folder / "graph")
    write_transform_graph(graph, preprocessing, statistics, str(folder))
    loaded = LoadedGraph(graph)
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    for split, files in raw.items():
        for number, file in enumerate(files):
            for kind in ("raw", "transformed"):
                (folder / kind / f"Split-{split}").mkdir(parents=True, exist_ok=True)
            path = folder / "raw" / f"Split-{split}" / f"{number}.gz"
            with tf.io.TFRecordWriter(str(path), options) as writer:
                for example in file:
                    writer.write(example)
            transformed = TFRecordWriter(
                str(folder / "transformed" / f"Split-{split}" / str(number)),
                loaded.new_encoding(),
            )
            transformed.write(loaded.transformed(decoder.DecodeBatch(file)))
            transformed.finish()
    return folder


@dataclasses.dataclass
class Trainings:
    """Starts trainings of equal settings in processes of their own.

    Attributes:
        inputs: what to train on.
        name: of their kind.
        settings: how, without the folder of the outputs.
    """

    inputs: Path
    name: str
    settings: dict[str, Any]

    def start(self, outputs: str, number: int, **training: Any) -> Any:
        settings = {**self.settings, "outputs": outputs}
        settings["training"] = {**settings["training"], **training}
        return subprocess.Popen(
            [sys.executable, PROGRAM, self.inputs, str(number), json.dumps(settings)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def whole(self, outputs: str, number: int = 1, **training: Any) -> list[str]:
        """Trains to the end; returns what was printed."""
        with self.start(outputs, number, **training) as process:
            printed, _ = process.communicate(timeout=600)
        assert printed.endswith("ended well\n"), printed
        return printed.splitlines()

    def killed(self, outputs: str, number: int, after: str, count: int) -> list[str]:
        """Kills a training a moment after it has printed something so many times."""
        printed = []
        with self.start(outputs, number) as process:
            for line in process.stdout:
                printed.append(line)
                count -= after in line
                if count == 0:
                    break
            assert count == 0, "".join(printed)
            # Well within a step, a save or an evaluation.
            time.sleep(random.Random(number).random() / 10)
            process.send_signal(signal.SIGKILL)
        return printed

    def checkpoint(self, outputs: str, number: int) -> Path:
        return self.inputs / outputs / "Trainer" / "checkpoint" / str(number)

    def scalars(self, outputs: str, number: int) -> dict[str, list[tuple[int, float]]]:
        """Returns what TensorBoard shows of the training."""
        folder = self.inputs / outputs / "Trainer" / "model_run" / str(number)
        curves: dict[str, list[tuple[int, float]]] = {}
        for file in sorted((folder / "train").glob("events.*")):
            for event in tf.compat.v1.train.summary_iterator(str(file)):
                for value in event.summary.value:
                    number_of = float(tf.make_ndarray(value.tensor))
                    curves.setdefault(value.tag, []).append((event.step, number_of))
        del curves["examples_per_second"]
        return curves


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


DLRM = {"options": {"hidden_units": [8], "dropout": 0.3}}
NOISY = {"builder": "killed_program.Noisy"}
CASES = {
    "epochs_of_a_dropout_model": (
        {"epochs": 8, "hosts": 2, "checkpoint": {"every_steps": 9}},
        DLRM,
    ),
    "steps_of_a_model_with_random_states_on_three_hosts": (
        {
            "steps": 190,
            "hosts": 3,
            "checkpoint": {"every_seconds": 0.01, "differential": False},
        },
        NOISY,
    ),
    "early_stop": (
        {
            "epochs": 12,
            "hosts": 1,
            "learning_rate": 0.02,
            "early_stop": {"every_steps": 25, "patience": 5},
            "checkpoint": {"every_steps": 10, "keep": {"last": 1}},
        },
        DLRM,
    ),
}


@pytest.fixture(params=CASES, scope="module")
def trainings(request: pytest.FixtureRequest, inputs: Path) -> Trainings:
    """Trainings of one kind; `<case>-whole` holds one that was never killed."""
    training, model = CASES[request.param]
    settings = {
        "feature_set": FEATURES.model_dump(mode="json"),
        "model": model,
        "training": {"batch_size": BATCH_SIZE, "steps_per_call": 5, **training},
    }
    made = Trainings(inputs, request.param, settings)
    made.whole(f"{made.name}-whole")
    return made


def test_training_killed_many_times_ends_as_one_that_was_not(
    trainings: Trainings,
) -> None:
    outputs = f"{trainings.name}-killed"
    printed = []
    for number, calls in enumerate((10, 7, 6), 1):
        printed += trainings.killed(outputs, number, "call ended", calls)

    last = trainings.whole(outputs, 4)

    assert any("goes on from step" in line for line in last)
    differential = trainings.settings["training"]["checkpoint"].get("differential")
    text = "".join([*printed, *last])
    assert ("(differential)" in text) == (differential is not False)
    same, got = (
        contents(trainings.checkpoint(trainings.name + "-whole", 1)),
        contents(trainings.checkpoint(outputs, 4)),
    )
    assert got.keys() == same.keys()
    assert [name for name in same if got[name] != same[name]] == []
    assert trainings.scalars(outputs, 4) == trainings.scalars(
        f"{trainings.name}-whole", 1
    )
