"""Options of Beam: refused if there are none such, with the one that may be meant."""

import pytest

from shardline.components.execution.runner_options import refused_options


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("--flnk_master=h:8081", "--flink_master"),
        ("--spark_master_ur=h", "--spark_master_url"),
        ("--job_endpont=h:1", "--job_endpoint"),
        ("--enviroment_type=LOOPBACK", "--environment_type"),
        ("--dask_client_adress=tcp://h:1", "--dask_client_address"),
        ("--dask_npartition=4", "--dask_npartitions"),
        ("--direct_num_wrkers=2", "--direct_num_workers"),
    ],
)
@pytest.mark.parametrize("may_have_others", [False, True])
def test_misspelt_option_is_told_with_the_near_one(
    option: str, meant: str, may_have_others: bool
) -> None:
    refused = refused_options([option], may_have_others=may_have_others)

    fact = f"Beam knows no option `{option}`"
    assert refused == {option: (fact, f"did you mean `{meant}`?")}


def test_option_of_a_job_server_passes_where_there_is_one() -> None:
    option = "--of_some_server=1"

    ((fact, remedy),) = refused_options([option]).values()
    assert fact == f"Beam knows no option `{option}`"
    assert remedy == "correct it, or leave it out"
    assert refused_options([option], may_have_others=True) == {}


@pytest.mark.parametrize(
    "option",
    [
        "--dask_client_address=tcp://h:1",
        "--dask_npartitions=4",
        "--flink_master=h:8081",
        "--job_endpoint=h:8099",
        "--direct_num_workers=2",
    ],
)
def test_option_that_there_is_passes(option: str) -> None:
    assert refused_options([option]) == {}


def test_value_that_is_none_is_told() -> None:
    option = "--direct_num_workers=two"

    (why,) = refused_options([option]).values()

    assert why.fact.startswith(f"Beam does not take `{option}`: invalid int value")
