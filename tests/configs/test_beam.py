"""The options of Beam that a configuration may give."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shardline.configs.beam import (
    BeamOptions,
    WorkerProcesses,
    given_workers,
    names_runner,
    worker_faults,
)

pytestmark = pytest.mark.orchestration
OPTIONS = TypeAdapter(BeamOptions)


def test_options_of_components_and_of_all_are_taken() -> None:
    given = {"default": ["--streaming"], "Evaluator": ["--direct_num_workers=2"]}

    assert OPTIONS.validate_python(given) == given


@pytest.mark.parametrize("option", ["runner=x", "-r", "--", "--1", 5, "--a\n"])
def test_what_is_no_option_is_refused(option: Any) -> None:
    with pytest.raises(ValidationError, match="written --NAME or --NAME=VALUE"):
        OPTIONS.validate_python({"default": [option]})


@pytest.mark.parametrize(
    "runner",
    [
        "DirectRunner",
        "direct",
        "PrismRunner",
        "apache_beam.runners.direct.direct_runner.SwitchingDirectRunner",
    ],
)
def test_runner_that_fetches_a_program_is_refused(runner: str) -> None:
    with pytest.raises(ValidationError, match="fetches a program from the network"):
        OPTIONS.validate_python({"default": [f"--runner={runner}"]})


@pytest.mark.parametrize(
    "runner",
    ["DaskRunner", "dask", "apache_beam.runners.dask.dask_runner.DaskRunner"],
)
def test_runner_that_loses_rows_is_refused(runner: str) -> None:
    with pytest.raises(ValidationError, match="Beam's runner for Dask loses rows"):
        OPTIONS.validate_python({"default": [f"--runner={runner}"]})


def test_runner_of_others_is_taken_by_whatever_name() -> None:
    given = {"default": ["--runner=mine.DaskRunner"]}

    assert OPTIONS.validate_python(given) == given


def test_component_that_runs_without_beam_is_refused() -> None:
    with pytest.raises(ValidationError, match="Input should be 'default'"):
        OPTIONS.validate_python({"Trainer": ["--a"]})


def test_runner_is_found_among_options() -> None:
    assert names_runner(["--a=1", "--runner=FlinkRunner"])
    assert not names_runner(["--runner_tag=1"])


def test_worker_processes_of_one_come_before_those_of_all() -> None:
    given = TypeAdapter(WorkerProcesses).validate_python({"default": 2, "Evaluator": 4})

    assert given_workers(given, "Evaluator") == 4
    assert given_workers(given, "StatisticsGen") == 2
    assert given_workers(given, "FeatureTransform") == 1
    assert given_workers({}, "Evaluator") is None


@pytest.mark.parametrize("given", [{"Trainer": 2}, {"default": 0}, {"Evaluator": True}])
def test_worker_processes_that_cannot_be_are_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(WorkerProcesses).validate_python(given)


@pytest.mark.parametrize(
    "option",
    ["--direct_num_workers=2", "--direct_running_mode=in_memory", "--runner=x"],
)
def test_number_of_workers_in_two_places_is_a_fault(option: str) -> None:
    (fault,) = worker_faults({"Evaluator": 4}, {"default": [option]})

    assert f"`beam` gives Evaluator {option}, and here it gets 4" in fault.text
    assert list(worker_faults({"Evaluator": 4}, {"StatisticsGen": [option]})) == []
    assert list(worker_faults({"default": 4}, {"ReaderExampleGen": [option]})) == []
