"""The section `schedule` in the words of platforms."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shardline.configs import ConfigError
from shardline.configs.schedule import Schedule
from shardline.pipeline.platforms.triggers import (
    KubeflowTrigger,
    VertexTrigger,
    kubeflow_trigger,
    vertex_trigger,
)

pytestmark = pytest.mark.orchestration
NOW = datetime(2026, 11, 30, 15, 27, 13, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file with a line for each key of the section."""
    path = tmp_path / "config.yaml"
    path.write_text("schedule:\n  cron: a\n  every: b\n  timezone: c\n  missed: d\n")
    return path


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 3 * * *", "0 30 3 * * *"),
        ("*/15 8-18 * * MON-FRI", "0 */15 8-18 * * MON-FRI"),
        ("0 0 1 1 7", "0 0 0 1 1 0"),
        ("0 0 * * 5-7", "0 0 0 * * 5,6,0"),
        ("0 0 * * 1-7/2", "0 0 0 * * 1,3,5,0"),
        ("0 0 * * 2,7", "0 0 0 * * 2,0"),
        ("0 0 * * FRI-7", "0 0 0 * * 5,6,0"),
        ("0 0 * * sat-7/1", "0 0 0 * * 6,0"),
        ("0 0 * * MON-6", "0 0 0 * * MON-6"),
        ("0 0 * * */2", "0 0 0 * * */2"),
    ],
)
def test_kubeflow_has_seconds_first_and_sunday_as_0(
    config: Path, cron: str, expected: str
) -> None:
    trigger = kubeflow_trigger(Schedule(cron=cron), NOW, config)

    assert trigger == KubeflowTrigger(expected, None, None, True)


def test_interval_of_kubeflow_counts_from_the_last_time_that_is_local_too(
    config: Path,
) -> None:
    trigger = kubeflow_trigger(Schedule(every="6h", missed="each"), NOW, config)

    assert trigger == KubeflowTrigger(None, 21600, "2026-11-30T12:00:00Z", False)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule(cron="30 3 * * 7"), VertexTrigger("TZ=UTC 30 3 * * 7", False)),
        (
            Schedule(cron="30 3 * * *", timezone="Europe/Berlin", missed="each"),
            VertexTrigger("TZ=Europe/Berlin 30 3 * * *", True),
        ),
        (Schedule(every="1m"), VertexTrigger("TZ=UTC * * * * *", False)),
        (Schedule(every="15m"), VertexTrigger("TZ=UTC */15 * * * *", False)),
        (Schedule(every="60m"), VertexTrigger("TZ=UTC 0 * * * *", False)),
        (Schedule(every="6h"), VertexTrigger("TZ=UTC 0 */6 * * *", False)),
        (Schedule(every="1d"), VertexTrigger("TZ=UTC 0 0 * * *", False)),
        # The first day of 1970, from which intervals count, was a Thursday.
        (
            Schedule(every="7d", timezone="Europe/Berlin"),
            VertexTrigger("TZ=UTC 0 0 * * 4", False),
        ),
    ],
)
def test_vertex_has_cron_with_its_time_zone(
    config: Path, schedule: Schedule, expected: VertexTrigger
) -> None:
    assert vertex_trigger(schedule, config) == expected


@pytest.mark.parametrize("every", ["90s", "7m", "90m", "5h", "2d", "30s"])
def test_interval_without_cron_is_refused_on_vertex(config: Path, every: str) -> None:
    with pytest.raises(ConfigError, match=":3: schedule: Vertex starts runs by cron"):
        vertex_trigger(Schedule(every=every), config)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"cron": "0 3 * * *", "timezone": "Europe/Berlin"},
            ":4: schedule: recurring runs of Kubeflow have no time zone",
        ),
        ({"every": "1h", "missed": "skip"}, ":5: schedule: Kubeflow starts at least"),
        ({"cron": "0 3 L * *"}, ":2: schedule: platforms do not read `L`"),
        ({"cron": "0 3 * * 1#2"}, ":2: schedule: platforms do not read `1#2`"),
    ],
)
def test_what_kubeflow_cannot_keep_is_refused(
    config: Path, settings: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        kubeflow_trigger(Schedule(**settings), NOW, config)


def test_no_schedule_is_told(config: Path) -> None:
    for missing in (
        lambda: kubeflow_trigger(None, NOW, config),
        lambda: vertex_trigger(None, config),
    ):
        with pytest.raises(ConfigError, match="`schedule` is missing"):
            missing()
