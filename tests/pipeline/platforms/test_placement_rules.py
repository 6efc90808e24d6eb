"""What a platform cannot give a training, told before anything is compiled."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shardline.configs import ConfigError, load_run
from shardline.configs.resources import Resources, Tpu
from shardline.configs.schema import Training
from shardline.pipeline.platforms.placement_rules import placement_faults
from shardline.pipeline.platforms.target import target_of

pytestmark = pytest.mark.orchestration
CLUSTER = {"chief": "a:1", "workers": ["b:1"]}
TPU = Resources(tpu=Tpu(type="tpu-v5p-slice", topology="2x2x1"))


@pytest.mark.parametrize(
    ("runner", "where", "trainer", "fault"),
    [
        ("kubeflow", {"hosts": 4}, None, None),
        ("kubeflow", {"cluster": CLUSTER}, None, "has no fixed address"),
        ("vertex", {"cluster": "TF_CONFIG"}, None, "has no fixed address"),
        ("kubeflow", {"tpu": "local"}, None, "ask for one in `resources.Trainer.tpu`"),
        ("kubeflow", {"tpu": "local"}, Resources(cpu=4), "Trainer has no TPU"),
        ("kubeflow", {"tpu": "local"}, TPU, None),
        ("kubeflow", {"tpu": "my-tpu"}, None, None),
        ("vertex", {"tpu": "my-tpu"}, None, "Vertex pipelines take no TPU"),
    ],
)
def test_only_what_a_step_can_have_is_taken(
    runner: Any, where: dict[str, Any], trainer: Resources | None, fault: str | None
) -> None:
    training = Training(batch_size=1, steps=1, **where)
    resources = {"Trainer": trainer} if trainer else {}

    told = [one.text for one in placement_faults(training, runner, resources)]

    assert len(told) == (fault is not None)
    assert all(fault in text for text in told)


def test_fault_has_the_line_of_the_key(small_config: Callable[..., Path]) -> None:
    config = small_config()
    text = config.read_text().replace("hosts: 2", "cluster: TF_CONFIG")
    config.write_text(text)

    with pytest.raises(ConfigError) as raised:
        target_of(load_run(config), "kubeflow", {}, config)

    line = text.splitlines().index("  cluster: TF_CONFIG") + 1
    assert any(fault.line == line for fault in raised.value.faults)
