"""A reader and a model of a user's own, in the folder where `shardline` is run."""

import subprocess
import sys
from pathlib import Path

import pytest

READER = '''
import apache_beam as beam
import tensorflow as tf
from shardline.components.readers.example_reader import Column

from components.lines import fields


class ClickReader:
    """Reads lines "number,item,clicked"; every fourth example is held out."""

    splits = ("train", "eval")
    columns = {"clicked": Column("float"), "item": Column("string")}

    def examples(self, root, path):
        rows = root | beam.io.ReadFromText(path) | beam.Map(fields)
        train, held_out = rows | beam.Partition(lambda row, n: int(row[0] % 4 == 0), 2)
        return {
            "train": train | "train" >> beam.Map(example),
            "eval": held_out | "eval" >> beam.Map(example),
        }


def example(row):
    _, item, clicked = row
    features = tf.train.Features()
    features.feature["item"].bytes_list.value.append(item.encode())
    features.feature["clicked"].float_list.value.append(clicked)
    return tf.train.Example(features=features)
'''
LINES = """
def fields(line):
    number, item, clicked = line.split(",")
    return int(number), item, float(clicked)
"""
MODEL = '''
import keras


class OneLayer(keras.Model):
    """A logistic regression on the activations."""

    def __init__(self, scale):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.scale = scale

    def call(self, activations):
        joined = keras.ops.concatenate([*activations.values()], axis=-1)
        return keras.ops.squeeze(self.dense(joined), axis=-1) * self.scale
'''
CONFIG = """
name: clicks
data:
  reader: components.clicks.ClickReader
  path: clicks.csv
  label: clicked
features:
  item: {table: item}
tables:
  item: {dim: 4, optimizer: {adagrad: {learning_rate: 0.1}}}
model:
  builder: components.models.one_layer.OneLayer
  options: {scale: 1.0}
training: {batch_size: 16, steps: 20}
evaluation: {min_auc: 0.0}
serving: {parity_examples: 10}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: own code, a configuration and data."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "components" / "models").mkdir(parents=True)
    (folder / "configs").mkdir()
    (folder / "components" / "clicks.py").write_text(READER)
    (folder / "components" / "lines.py").write_text(LINES)
    (folder / "components" / "models" / "one_layer.py").write_text(MODEL)
    (folder / "configs" / "clicks.yaml").write_text(CONFIG)
    rows = (f"{n},item{n % 10},{int(n % 10 < 5 or n % 7 == 0)}\n" for n in range(200))
    (folder / "clicks.csv").write_text("".join(rows))
    return folder


def shardline_in(folder: Path, *arguments: str) -> tuple[int, str]:
    """Runs the installed command in a folder; its exit code and what it printed."""
    command = Path(sys.executable).with_name("shardline")
    finished = subprocess.run(
        [command, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return finished.returncode, " ".join(finished.stdout.split())


def test_check_finds_the_code_of_a_user(folder: Path) -> None:
    code, printed = shardline_in(folder, "check", "configs/clicks.yaml")

    assert code == 0, printed
    assert "reader `components.clicks.ClickReader`" in printed


def test_run_trains_and_publishes_with_the_code_of_a_user(folder: Path) -> None:
    code, printed = shardline_in(folder, "run", "configs/clicks.yaml")

    assert code == 0, printed
    assert "150 train, 50 eval examples" in printed
    assert len(list((folder / "runs" / "clicks" / "serving").glob("[0-9]*"))) == 1


def test_model_that_is_not_there_is_told_by_its_path(folder: Path) -> None:
    config = CONFIG.replace("one_layer.OneLayer", "one_layer.TwoLayers")
    (folder / "configs" / "wrong.yaml").write_text(config)

    code, printed = shardline_in(folder, "check", "configs/wrong.yaml")

    assert code == 1
    assert "`components.models.one_layer.TwoLayers` cannot be imported" in printed


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("components/lines.py", {"ReaderExampleGen", "ReaderSchemaGen"}),
        ("components/models/one_layer.py", {"Trainer"}),
    ],
)
def test_code_of_a_user_is_in_the_keys_of_what_loads_it(
    folder: Path, file: str, changed: set[str]
) -> None:
    program = f"""
import sys
from pathlib import Path
from shardline.configs import load_run
from shardline.pipeline.pipeline import create_pipeline
sys.path.append({str(folder)!r})

def keys():
    pipeline = create_pipeline(
        load_run(Path("configs/clicks.yaml")),
        pipeline_root="/root",
        data_path="/data",
        data_version="1",
        serving_dir="/serving",
    )
    return {{node.id: dict(node.exec_properties) for node in pipeline.components}}

before = keys()
with open({file!r}, "a") as source:
    source.write("# changed")
after = keys()
print(*(name for name in before if before[name] != after[name]))
"""
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )

    assert set(finished.stdout.splitlines()[-1].split()) == changed
