"""What a DAG is written from: its id and the components of its run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.configs import load_run
from shardline.pipeline.airflow.dag import DagError, dag_id_of

pytestmark = pytest.mark.orchestration


def test_id_is_the_name_of_the_pipeline(small_config: Callable[..., Path]) -> None:
    assert dag_id_of(load_run(small_config()), None) == "shardline-small"


def test_runs_of_long_names_have_ids_of_their_own(
    small_config: Callable[..., Path],
) -> None:
    names = ["s" * 300 + end for end in "ab"]
    ids = {dag_id_of(load_run(small_config(name=name)), None) for name in names}

    assert len(ids) == 2
    assert all(len(one) <= 63 for one in ids)


def test_id_that_was_asked_for_is_taken(small_config: Callable[..., Path]) -> None:
    assert dag_id_of(load_run(small_config()), "Shop.eu-1_b") == "Shop.eu-1_b"


@pytest.mark.parametrize("dag_id", ["", "a b", "schön", "a/b", "a\n", "x" * 251])
def test_id_that_airflow_does_not_take_is_refused(
    small_config: Callable[..., Path], dag_id: str
) -> None:
    with pytest.raises(
        DagError, match=r"Airflow takes no DAG id .* at most 250 letters"
    ):
        dag_id_of(load_run(small_config()), dag_id)
