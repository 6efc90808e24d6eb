"""A metadata store with an execution of each kind."""

import contextlib
import signal
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples

Runner = load("pipeline/runners/test_local_dag.py").Runner


@component
def Maker(examples: OutputArtifact[Examples], mood: Parameter[str]) -> None:
    """Makes two splits; fails or stops when it is to."""
    if mood == "failing":
        raise ValueError("the reason")
    if mood == "interrupted":
        signal.raise_signal(signal.SIGINT)
    examples.splits = ["eval", "train"]
    examples.set_float_custom_property("half", 0.5)


@pytest.fixture
def runner(tmp_path: Path) -> Any:
    """A runner whose component was made, reused, failed and interrupted, in turn."""
    runner = Runner(tmp_path)
    for mood in ("well", "well", "failing", "interrupted"):
        with contextlib.suppress(Exception, KeyboardInterrupt):
            runner.run(Maker(mood=mood))
    return runner
