"""The names of platforms."""

import pytest

from shardline.pipeline.platforms.runners import PLATFORM_RUNNERS, platform_runner

pytestmark = pytest.mark.orchestration


def test_platforms_are_found_by_name() -> None:
    assert [platform_runner(name) for name in PLATFORM_RUNNERS] == [
        "kubeflow",
        "vertex",
    ]


def test_near_name_is_told() -> None:
    with pytest.raises(ValueError, match=r"no runner `vertx`; did you mean vertex\?"):
        platform_runner("vertx", "local")


def test_all_names_are_told_where_none_is_near() -> None:
    with pytest.raises(ValueError, match="`x`; use local or kubeflow or vertex"):
        platform_runner("x", "local")
