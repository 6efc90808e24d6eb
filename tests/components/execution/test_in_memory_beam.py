"""The local runner is the one in memory, and no code lets Beam fetch another one."""

import ast
from collections.abc import Iterator

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from shardline_tests import load

from shardline.components.execution.beam_runners import beam_runner
from shardline.components.execution.in_memory_beam import in_memory_pipeline

sources = load("house_style/sources.py")
# The modules that make pipelines: both name the runner.
MAKERS = {
    "components/execution/beam_runners.py",
    "components/execution/in_memory_beam.py",
}


@pytest.mark.parametrize(
    "pipeline", [in_memory_pipeline, beam_runner("direct").pipeline]
)
def test_local_pipelines_run_in_memory(pipeline: object) -> None:
    assert isinstance(pipeline().runner, FnApiRunner)


def test_beam_would_choose_a_runner_that_fetches() -> None:
    # If this fails, Beam has changed, and the runner need no more be named.
    assert type(beam.Pipeline().runner).__name__ == "SwitchingDirectRunner"


def test_no_other_code_makes_pipelines_or_names_a_fetching_runner() -> None:
    found = {
        sources.name_of(path)
        for path in sources.MODULES
        for name in _names(ast.parse(path.read_text()))
        if name in ("beam.Pipeline", "DirectRunner", "PrismRunner")
    }
    assert found == MAKERS


def _names(module: ast.Module) -> Iterator[str]:
    """Yields the names and strings of a module, but for annotations and docstrings."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func)
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
