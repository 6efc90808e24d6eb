"""A C program, with no Python in its process, scores as Python does.

It proves that an exported model holds no Python function, that its assets move with
it and that its string input can be fed by any client of TensorFlow's C API.
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import pytest
import tensorflow as tf

VOCABULARY = ["ada", "bea", "cid", "dot", "eve"]
DIM = 4
EXAMPLES = [("ada", ["bea", "cid", "bea"]), ("nobody", ["dot"]), ("eve", [])]

Graph = Callable[[tf.Tensor], dict[str, tf.Tensor]]


def example(user: str, history: list[str]) -> bytes:
    """One serialized example with a single and a ragged column."""

    def strings(values: list[str]) -> tf.train.Feature:
        encoded = [value.encode() for value in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))

    columns = {"user": strings([user]), "history": strings(history)}
    return tf.train.Example(
        features=tf.train.Features(feature=columns)
    ).SerializeToString()


def write_records(path: Path, records: list[bytes]) -> Path:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


def examples_spec(name: str = "examples") -> tf.TensorSpec:
    return tf.TensorSpec([None], tf.string, name=name)


def scoring_module(vocabulary: Path) -> tuple[tf.Module, Graph]:
    """A module with a vocabulary, an embedding table and a dense head, and its graph.

    Args:
        vocabulary: file of one word a line, exported as an asset.

    Returns:
        The module to export, and a function from string [batch] to float32 scores
        [batch, 1].
    """
    draw = np.random.default_rng(5)
    module = tf.Module()
    words = tf.lookup.TextFileInitializer(
        str(vocabulary),
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    module.words = tf.lookup.StaticVocabularyTable(words, num_oov_buckets=1)
    rows = len(VOCABULARY) + 1
    module.table = tf.Variable(draw.normal(size=(rows, DIM)).astype(np.float32))
    head = keras.Sequential(
        [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)]
    )
    head.build((None, 2 * DIM))
    head.set_weights([draw.normal(size=w.shape) for w in head.get_weights()])
    module.keras_variables = [variable.value for variable in head.variables]

    def mean_of_rows(words: tf.RaggedTensor) -> tf.Tensor:
        owner = words.value_rowids()
        ids = module.words.lookup(words.values)
        lengths = tf.cast(words.row_lengths(), tf.float32)
        return tf.raw_ops.SparseTensorDenseMatMul(
            a_indices=tf.stack([owner, ids], axis=1),
            a_values=1.0 / tf.gather(lengths, owner),
            a_shape=tf.stack([words.nrows(), tf.constant(rows, tf.int64)]),
            b=module.table,
        )

    def graph(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        columns = tf.io.parse_example(
            examples,
            {
                "user": tf.io.FixedLenFeature([], tf.string),
                "history": tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
            },
        )
        user = tf.gather(module.table, module.words.lookup(columns["user"]))
        pooled = mean_of_rows(columns["history"])
        return {"scores": head(tf.concat([user, pooled], axis=1))}

    return module, graph


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel that scores [batch, 1]; the files it was made from are gone."""
    folder = tmp_path_factory.mktemp("model")
    vocabulary = folder / "words.txt"
    vocabulary.write_text("\n".join(VOCABULARY) + "\n")
    module, graph = scoring_module(vocabulary)
    signature = tf.function(graph, input_signature=[examples_spec()])
    made = folder / "made"
    tf.saved_model.save(module, str(made), signatures={"serving_default": signature})
    vocabulary.unlink()
    return Path(shutil.move(made, folder / "moved"))


def export(
    path: Path, graph: Graph, key: str = "serving_default", input_key: str = "examples"
) -> Path:
    """Saves `graph` alone, as the signature `key`."""
    signature = tf.function(graph, input_signature=[examples_spec(input_key)])
    tf.saved_model.save(tf.Module(), str(path), signatures={key: signature})
    return path


def lengths_of(examples: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.strings.length(examples), tf.float32)


def run(client: Path, *arguments: Path) -> subprocess.CompletedProcess[str]:
    command = [str(argument) for argument in (client, *arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def scores_of(client: Path, model: Path, records: Path) -> np.ndarray:
    """The client's scores, float32 [batch]."""
    done = run(client, model, records)
    assert done.returncode == 0, done.stderr
    return np.array(done.stdout.split(), np.float32)


def test_exported_model_scores_bit_equal_to_python(
    score_client: Path, model: Path, tmp_path: Path
) -> None:
    serialized = [example(user, history) for user, history in EXAMPLES]
    in_python = tf.saved_model.load(str(model)).signatures["serving_default"]
    expected = in_python(examples=tf.constant(serialized))["scores"]

    scores = scores_of(
        score_client, model, write_records(tmp_path / "examples", serialized)
    )

    assert expected.shape == (len(EXAMPLES), 1)
    assert len(set(scores.tolist())) == len(EXAMPLES)
    np.testing.assert_array_equal(scores, expected.numpy()[:, 0])


def test_one_example_scores_as_in_its_batch(
    score_client: Path, model: Path, tmp_path: Path
) -> None:
    serialized = [example(user, history) for user, history in EXAMPLES]
    batch = write_records(tmp_path / "batch", serialized)
    single = write_records(tmp_path / "single", serialized[:1])

    alone = scores_of(score_client, model, single)

    np.testing.assert_allclose(
        alone, scores_of(score_client, model, batch)[:1], rtol=1e-6
    )


def test_scores_without_a_second_axis_are_printed_one_a_line(
    score_client: Path, tmp_path: Path
) -> None:
    flat = export(tmp_path / "model", lambda examples: {"scores": lengths_of(examples)})
    records = [b"", b"a", b"b" * 70_000]

    scores = scores_of(score_client, flat, write_records(tmp_path / "e", records))

    np.testing.assert_array_equal(scores, [0, 1, 70_000])


def test_signature_with_other_keys_beside_is_read_by_name(
    score_client: Path, tmp_path: Path
) -> None:
    def graph(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        lengths = lengths_of(examples)
        return {"a": -lengths, "scores": lengths + 0.1, "z": lengths * 2}

    model = export(tmp_path / "model", graph)

    scores = scores_of(score_client, model, write_records(tmp_path / "e", [b"abc"]))

    np.testing.assert_array_equal(scores, np.array([3.1], np.float32))


def test_absent_model_is_an_error(score_client: Path, tmp_path: Path) -> None:
    records = write_records(tmp_path / "examples", [b"a"])

    done = run(score_client, tmp_path / "absent", records)

    assert done.returncode == 1
    assert "score_client: cannot load the model: " in done.stderr
    assert str(tmp_path / "absent") in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("outputs", "keys", "message"),
    [
        (
            lambda lengths: {"scores": lengths},
            {"key": "raw"},
            "has no signature 'serving_default'",
        ),
        (
            lambda lengths: {"scores": lengths},
            {"input_key": "inputs"},
            "the signature 'serving_default' has no input 'examples'",
        ),
        (
            lambda lengths: {"probabilities": lengths},
            {},
            "the signature 'serving_default' has no output 'scores'",
        ),
        (
            lambda lengths: {"scores": tf.cast(lengths, tf.float64)},
            {},
            "the scores have TensorFlow data type 2, expected float32 (1)",
        ),
        (
            lambda lengths: {"scores": lengths[1:]},
            {},
            "got 1 scores in 1 dimensions for 2 examples, expected one each",
        ),
        (
            lambda lengths: {"scores": tf.stack([lengths, lengths], axis=1)},
            {},
            "got 4 scores in 2 dimensions for 2 examples, expected one each",
        ),
        (
            lambda lengths: {"scores": lengths[tf.newaxis]},
            {},
            "got 2 scores in 2 dimensions for 2 examples, expected one each",
        ),
    ],
    ids=["signature", "input", "output", "dtype", "few", "many", "transposed"],
)
def test_model_of_another_form_is_an_error(
    score_client: Path,
    tmp_path: Path,
    outputs: Callable[[tf.Tensor], dict[str, tf.Tensor]],
    keys: dict[str, str],
    message: str,
) -> None:
    model = export(
        tmp_path / "model", lambda examples: outputs(lengths_of(examples)), **keys
    )

    done = run(score_client, model, write_records(tmp_path / "e", [b"a", b"bc"]))

    assert done.returncode == 1
    assert message in done.stderr
    assert done.stdout == ""


def test_record_that_is_no_example_is_an_error(
    score_client: Path, model: Path, tmp_path: Path
) -> None:
    records = write_records(tmp_path / "examples", [b"not an example"])

    done = run(score_client, model, records)

    assert done.returncode == 1
    assert "score_client: cannot score the examples: " in done.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the examples file"),
        (b"", "is empty"),
        (b"user\titem\n", "breaks off in record 0: expected an uncompressed TFRecord"),
        (b"\xff" * 40, "breaks off in record 0: expected an uncompressed TFRecord"),
    ],
    ids=["absent", "empty", "text", "length"],
)
def test_file_without_records_is_an_error(
    score_client: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "examples"
    if content is not None:
        path.write_bytes(content)

    done = run(score_client, tmp_path / "model", path)

    assert done.returncode == 1
    assert message in done.stderr
    assert str(path) in done.stderr


def test_file_cut_in_its_second_record_is_an_error(
    score_client: Path, tmp_path: Path
) -> None:
    path = write_records(tmp_path / "examples", [b"first", b"second"])
    path.write_bytes(path.read_bytes()[:-1])

    done = run(score_client, tmp_path / "model", path)

    assert done.returncode == 1
    assert "breaks off in record 1" in done.stderr


def test_folder_for_the_examples_file_is_an_error(
    score_client: Path, tmp_path: Path
) -> None:
    done = run(score_client, tmp_path / "model", tmp_path)

    assert done.returncode == 1
    assert f"cannot read the examples file {tmp_path}" in done.stderr


def test_missing_arguments_print_the_usage(score_client: Path) -> None:
    done = run(score_client)

    assert done.returncode == 1
    assert "usage: score_client MODEL_DIR EXAMPLES_FILE" in done.stderr


def test_build_without_gcc_skips_the_test(
    client_build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)

    with pytest.raises(pytest.skip.Exception, match="no gcc"):
        client_build.build_score_client(tmp_path)


def test_build_of_a_broken_source_reports_what_gcc_says(
    client_build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here")
    source = tmp_path / "broken.c"
    source.write_text("int main(void) { return nothing; }\n")
    monkeypatch.setattr(client_build, "SOURCE", source)

    with pytest.raises(
        RuntimeError, match=r"gcc does not build broken\.c:(.|\n)*error"
    ):
        client_build.build_score_client(tmp_path)
