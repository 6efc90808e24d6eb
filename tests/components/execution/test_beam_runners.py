"""Beam runners by name: their options, and those that can run on one machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import DirectOptions, StandardOptions
from shardline_tests import load

from shardline.components.execution.beam_runners import RUNNERS, beam_runner
from shardline.components.execution.in_memory_beam import IN_MEMORY_RUNNER
from shardline.components.features.standalone import preprocess_standalone
from shardline.components.machine.cores import usable_cores

shared = load("components/features/conftest.py")
Source, Done, files_of = shared.Source, shared.Done, shared.files_of
csv_files, run_standalone = shared.csv_files, shared.run_standalone


def options_of(*arguments: Any) -> Any:
    """Returns the options of the pipeline that a runner makes."""
    return beam_runner(*arguments).pipeline().options


@pytest.mark.parametrize(
    ("name", "runner"),
    [
        ("direct", IN_MEMORY_RUNNER),
        ("flink", "FlinkRunner"),
        ("spark", "SparkRunner"),
        ("dataflow", "DataflowRunner"),
    ],
)
def test_runner_has_a_name_that_beam_knows(name: str, runner: str) -> None:
    assert RUNNERS[name] == runner


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        (
            "flink",
            ["--flink_master=localhost:8081", "--parallelism=4"],
            {"flink_master": "localhost:8081", "parallelism": 4},
        ),
        ("spark", ["--spark_master_url=local[4]"], {"spark_master_url": "local[4]"}),
        (
            "portable",
            ["--job_endpoint=localhost:8099", "--environment_type=LOOPBACK"],
            {"job_endpoint": "localhost:8099", "environment_type": "LOOPBACK"},
        ),
    ],
)
def test_options_pass_through(
    name: str, options: list[str], expected: dict[str, Any]
) -> None:
    found = options_of(name, options)

    assert found.view_as(StandardOptions).runner == RUNNERS[name]
    assert expected.items() <= found.get_all_options().items()


def test_direct_runner_uses_all_cores() -> None:
    direct = options_of("direct").view_as(DirectOptions)

    assert direct.direct_running_mode == "multi_threading"
    assert direct.direct_num_workers == usable_cores()
    assert beam_runner("direct").units_at_once == usable_cores()


def test_own_options_of_the_direct_runner_stand() -> None:
    direct = options_of("direct", ["--direct_num_workers=1"]).view_as(DirectOptions)

    assert direct.direct_num_workers == 1
    assert direct.direct_running_mode == "in_memory"


def test_cluster_has_work_for_many_workers() -> None:
    assert beam_runner("flink").units_at_once >= 16


def test_unknown_runner_is_told() -> None:
    with pytest.raises(
        ValueError, match="no runner `storm`; use one of direct, dask, portable, flink"
    ):
        beam_runner("storm")


def test_loose_option_is_told() -> None:
    with pytest.raises(ValueError, match="`4` is no option of a runner; write --NAME="):
        beam_runner("flink", ["--parallelism", "4"])


@pytest.mark.parametrize("name", ["direct", "portable"])
def test_other_runner_among_the_options_is_told(name: str) -> None:
    with pytest.raises(ValueError, match="`--runner` comes before `--`, and is one of"):
        beam_runner(name, ["--runner=PrismRunner"])


def run_on(source: Any, output: Path, runner: str, *options: str) -> Any:
    """Runs a job on a runner."""
    report = preprocess_standalone(
        source.examples,
        source.preprocessing,
        beam_runner(runner, options),
        output=str(output),
        file_formats=["tfrecord"],
    )
    return Done(report, output)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_worker_processes_give_what_one_thread_gives(
    csv_files: Callable[..., Path], run_standalone: Callable[..., Any], tmp_path: Path
) -> None:
    folder = csv_files(train_1=range(30), train_2=range(30, 60))
    source = Source(folder, files_of())
    expected = run_standalone(source)

    done = run_on(
        source,
        tmp_path / "processes",
        "direct",
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=2",
    )

    assert done.report.statistics == expected.report.statistics
    assert done.by_age("train") == expected.by_age("train")
