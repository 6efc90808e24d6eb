"""Columns of a function of the user's own: with and without analyzers, and served."""

import sys
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.runners.runner import PipelineResult, PipelineRunner, PipelineState
from shardline_tests import load

from shardline.components.execution.beam_engines.dask_graph import dask_graph
from shardline.components.execution.beam_runners import Beam, beam_runner
from shardline.components.features.graph.transform_graph import TransformGraph
from shardline.components.features.job import preprocess
from shardline.components.features.reading.sources import Examples, sources_below
from shardline.components.readers.files import BadInputError, LostRowsError, settings_of
from shardline.configs.schema import Job, Spans

_FUNCTIONS = load(Path(__file__).with_name("derived_functions.py"))
LosingPipeline = load("components/losing.py").LosingPipeline
ROWS = [("red fox", 2.0), ("red hen", 4.0), ("blue", 8.0)]


def job_of(folder: Path, derived: dict[str, Any], **more: Any) -> Job:
    lines = [f"{text},{price},1" for text, price in ROWS]
    (folder / "rows.csv").write_text("\n".join(["text,price,label", *lines]) + "\n")
    return Job.model_validate(
        {
            "name": "derived",
            "data": {
                "files": {"format": "csv", "splits": {"train": "rows.csv"}},
                "path": str(folder),
            },
            "derived": derived,
            "features": {"text": {"table": "text"}},
            "tables": {"text": {"dim": 2}},
            **more,
        }
    )


def run(
    job: Job, folder: Path, runner: Beam | None = None
) -> tuple[dict[str, Any], str]:
    """Returns the transformed rows by column, and the folder of the graph."""
    graph = str(folder / "graph")
    assert job.data.path
    sources = sources_below(job.data.path, "train", "rows.csv")
    preprocess(
        Examples(tuple(sources), settings_of(job.data, job)),
        job.preprocessing(job.data.target),
        runner or beam_runner("direct"),
        graph=graph,
        outputs={"tfrecord": {"train": str(folder / "train")}},
    )
    spec = tft.TFTransformOutput(graph).transformed_feature_spec()
    files = [str(file) for file in (folder / "train").glob("*.gz")]
    records = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
    return tf.io.parse_example(records, spec), graph


WORDS = {
    "derived": {
        "function": f"{_FUNCTIONS.__name__}.first_words",
        "inputs": {"text": {"dtype": "string"}},
        "outputs": {
            "words": {"dtype": "string", "ragged": True},
            "first": {"dtype": "string"},
        },
    },
    "features": {
        "words": {"table": "word", "combiner": "mean"},
        "first": {"table": "word"},
    },
    "tables": {"word": {"dim": 2}},
}


def test_features_read_what_a_function_makes(tmp_path: Path) -> None:
    columns, _ = run(job_of(tmp_path, **WORDS), tmp_path)

    # red occurs four times, blue twice, hen and fox once.
    assert columns["words"].to_list() == [[0, 3], [0, 2], [1]]
    assert columns["first"].numpy().tolist() == [0, 0, 1]


def test_vocabularies_of_what_a_function_makes_live(tmp_path: Path) -> None:
    job = job_of(tmp_path, **WORDS)
    in_spans = job.data.model_copy(update={"spans": Spans()})

    columns, graph = run(job.model_copy(update={"data": in_spans}), tmp_path)

    assert columns["words"].to_list() == [[0, 3], [0, 2], [1]]
    assert tft.TFTransformOutput(graph).vocabulary_size_by_name("word") == 1000


def test_analyzers_of_a_function_see_all_examples(tmp_path: Path) -> None:
    job = job_of(
        tmp_path,
        {
            "function": f"{_FUNCTIONS.__name__}.relative_price",
            "inputs": {"price": {"dtype": "float"}},
            "outputs": {"relative": {"dtype": "float"}},
        },
        numbers={"relative": {}},
    )

    columns, _ = run(job, tmp_path)

    assert columns["relative"].numpy().tolist() == [0.25, 0.5, 1.0]


def test_examples_that_analyzers_did_not_see_fail_the_job(tmp_path: Path) -> None:
    job = job_of(
        tmp_path,
        {
            "function": f"{_FUNCTIONS.__name__}.relative_price",
            "inputs": {"price": {"dtype": "float"}},
            "outputs": {"relative": {"dtype": "float"}},
        },
        numbers={"relative": {}},
    )
    losing = Beam(lambda: LosingPipeline("Read", lambda _: False))
    with pytest.raises(LostRowsError, match=r"3 examples were analysed, .* seen 0\."):
        run(job, tmp_path, losing)


@pytest.mark.parametrize(
    ("function", "expected"), [("cheap", [1, 7, 0]), ("cheaper", [0.25, 7, 1])]
)
@pytest.mark.parametrize("is_read_beside", [False, True], ids=["alone", "beside"])
def test_function_gets_what_stands_for_a_missing_value(
    tmp_path: Path, function: str, expected: list[float], is_read_beside: bool
) -> None:
    numbers: dict[str, Any] = {"cheap": {}}
    if is_read_beside:
        numbers["price"] = {"missing": 5}
    job = job_of(
        tmp_path,
        {
            "function": f"{_FUNCTIONS.__name__}.{function}",
            "inputs": {"price": {"dtype": "float", "optional": True}},
            "outputs": {"cheap": {"dtype": "float"}},
        },
        numbers=numbers,
    )
    lines = ["text,price,label", "red,2,1", "hen,,1", "blue,8,1", ""]
    (tmp_path / "rows.csv").write_text("\n".join(lines))

    columns, graph = run(job, tmp_path)

    assert columns["cheap"].numpy().tolist() == expected
    if is_read_beside:
        assert columns["price"].numpy().tolist() == [2, 5, 8]
    served = TransformGraph(tft.TFTransformOutput(graph), job)
    example = tf.train.Example()
    example.features.feature["text"].bytes_list.value.append(b"hen")
    example.features.feature["price"].float_list.SetInParent()
    made = served(served.parse(tf.constant([example.SerializeToString()])))
    assert made["cheap"].numpy().tolist() == [7]


def test_graph_that_serves_has_the_function_inside(tmp_path: Path) -> None:
    job = job_of(tmp_path, **WORDS)
    columns, graph = run(job, tmp_path)
    served = tf.Module()
    served.graph = TransformGraph(tft.TFTransformOutput(graph), job)
    served.ids = tf.function(
        lambda text: served.graph({"text": text})["words"].to_tensor(-1),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    tf.saved_model.save(served, str(tmp_path / "saved"))

    loaded = tf.saved_model.load(str(tmp_path / "saved"))

    ids = loaded.ids(tf.constant([text for text, _ in ROWS]))
    assert ids.numpy().tolist() == columns["words"].to_tensor(-1).numpy().tolist()


def test_function_that_gives_other_columns_is_refused(tmp_path: Path) -> None:
    settings = {**WORDS, "derived": {**WORDS["derived"]}}
    settings["derived"]["outputs"] = {
        "words": {"dtype": "string"},
        "first": {"dtype": "string"},
    }
    settings["features"] = {"words": {"table": "word"}}

    with pytest.raises(ValueError, match=r"`words` \(any number of string values\); "):
        run(job_of(tmp_path, **settings), tmp_path)

    assert _FUNCTIONS.__name__ in sys.modules


def with_own_ids(folder: Path, function: str) -> Job:
    return job_of(
        folder,
        {
            "function": f"{_FUNCTIONS.__name__}.{function}",
            "inputs": {"text": {"dtype": "string"}},
            "outputs": {"own_id": {"dtype": "int64"}},
        },
        features={
            "text": {"table": "text"},
            "own_id": {"table": "own_id", "dtype": "int64", "ids": {"range": 3}},
        },
        tables={"text": {"dim": 2}, "own_id": {"dim": 2}},
    )


class OnDask(PipelineRunner):  # type: ignore[misc]
    """Runs what the workers of a Dask cluster would, in this thread."""

    def is_fnapi_compatible(self) -> bool:
        return False

    def run_pipeline(self, pipeline: beam.Pipeline, options: Any) -> PipelineResult:
        dask_graph(pipeline, lambda values: min(values, 3)).compute(scheduler="sync")
        result = PipelineResult(PipelineState.DONE)
        result.wait_until_finish = lambda: PipelineState.DONE
        return result


@pytest.mark.parametrize(
    "runner",
    [None, Beam(lambda: beam.Pipeline(runner=OnDask()))],
    ids=["local", "dask"],
)
def test_function_may_have_a_vocabulary_of_its_own(
    runner: Beam | None, tmp_path: Path
) -> None:
    columns, _ = run(with_own_ids(tmp_path, "own_ids"), tmp_path, runner)

    # Each text occurs once; ties are in falling order.
    assert columns["own_id"].numpy().tolist() == [1, 0, 2]
    assert columns["text"].numpy().tolist() == [1, 0, 2]


def test_vocabulary_of_its_own_named_as_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="makes a vocabulary `text`, which is a tabl"):
        run(with_own_ids(tmp_path, "ids_named_as_a_table"), tmp_path)


def test_bad_input_of_a_function_with_analyzers_is_told_plainly(tmp_path: Path) -> None:
    job = with_own_ids(tmp_path, "own_ids")
    (tmp_path / "rows.csv").write_text("text,price,label\nred,1,1\nblue,2,7\n")

    with pytest.raises(BadInputError, match="line 3: label `label` is neither 0 nor 1"):
        run(job, tmp_path)


def test_function_that_fails_is_told_with_its_line(tmp_path: Path) -> None:
    derived = WORDS["derived"] | {"inputs": {"txt": {"dtype": "string"}}}
    job = job_of(tmp_path, **WORDS | {"derived": derived})

    told = (
        r"derived: `.*first_words` fails in .*derived_functions.py, line \d+: "
        r"KeyError: 'text'. By `derived.inputs` it is given `txt`. Correct"
    )
    with pytest.raises(ValueError, match=told):
        run(job, tmp_path)
