"""Sections survive the way to a component, and a job holds a feature set."""

from typing import Any

import pytest

from shardline.configs.schema import (
    Checkpoint,
    EarlyStop,
    FeatureSet,
    Job,
    Model,
    Publishing,
    Quantization,
    Serving,
    Table,
    Training,
)


@pytest.mark.parametrize(
    "section",
    [
        Model(builder="a.B", options={"units": [64, 32], "rate": 0.1, "name": None}),
        Training(batch_size=8, steps=7, learning_rate=1 / 3),
        Training(batch_size=8, epochs=2, early_stop=EarlyStop(every_steps=5)),
        Training(batch_size=8, epochs=2, checkpoint=Checkpoint(every_steps=5)),
        Serving(max_difference=1e-7, tables={"movie": "int8"}),
        Publishing(mode="delta", keep=3),
        Table(dim=2, policy="drop", quantization=Quantization(lower=-1, upper=0.5)),
    ],
    ids=lambda section: type(section).__name__,
)
def test_section_comes_back_from_json_equal(section: Any) -> None:
    assert type(section).model_validate_json(section.model_dump_json()) == section


def test_feature_set_of_a_job_is_the_job_without_the_rest() -> None:
    job = Job(
        name="tiny",
        data={"reader": "a.B", "path": "p"},
        features={"user": {"table": "user"}},
        tables={"user": {"dim": 4}},
    )

    assert job.feature_set == FeatureSet(features=job.features, tables=job.tables)
    assert type(job.feature_set) is FeatureSet
