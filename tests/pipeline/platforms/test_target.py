"""What a pipeline is compiled for: merged, checked, every fault with its line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.configs import ConfigError, load_run
from shardline.configs.resources import Resources
from shardline.pipeline.platforms.target import Target, target_of

pytestmark = pytest.mark.orchestration
PLATFORM = (
    "platform:\n"
    "  image: registry/shardline:1\n"
    "  pipeline_root: gs://bucket/artifacts\n"
    "  serving_dir: gs://bucket/serving\n"
    "  data_path: gs://bucket/data.zip\n"
)


@pytest.fixture
def target(small_config: Callable[..., Path]) -> Callable[..., Target]:
    """What a configuration with some more lines is compiled for."""

    def made(text: str, runner: str = "kubeflow", **given: str | None) -> Target:
        config = small_config()
        config.write_text(config.read_text() + text)
        return target_of(load_run(config), runner, given, config)

    return made


def test_options_go_before_the_section(target: Callable[..., Target]) -> None:
    made = target(PLATFORM, image="other:2")

    assert (made.image, made.data_path) == ("other:2", "gs://bucket/data.zip")


def test_all_that_is_missing_is_told(target: Callable[..., Target]) -> None:
    with pytest.raises(ConfigError) as raised:
        target("platform: {image: a}\n", serving_dir="/serving", data_path=None)

    assert [fault.text for fault in raised.value.faults] == [
        "platform: `data_path` is missing; give it, or --data-path",
        "platform: `pipeline_root` is missing; give it",
    ]
    assert all(fault.line for fault in raised.value.faults)


def test_data_in_an_object_store_need_no_second_location(
    small_config: Callable[..., Path],
) -> None:
    config = small_config()
    run = load_run(config)
    remote = run.model_copy(
        update={"data": run.data.model_copy(update={"path": "gs://bucket/clicks"})}
    )
    given = {"image": "a", "pipeline_root": "gs://b/r", "serving_dir": "gs://b/s"}

    assert target_of(remote, "kubeflow", given).data_path == "gs://bucket/clicks"
    given["data_path"] = "gs://other/clicks"
    assert target_of(remote, "kubeflow", given).data_path == "gs://other/clicks"


def test_odd_option_is_told_by_its_name(target: Callable[..., Target]) -> None:
    with pytest.raises(ConfigError, match=r"--serving-dir: a location .*got 'here'"):
        target(PLATFORM, serving_dir="here")


def test_resources_are_those_of_the_steps_of_the_run(
    target: Callable[..., Target],
) -> None:
    text = "resources: {default: {cpu: 2}, Trainer: {memory: 8G}}\n"

    made = target(PLATFORM + text)

    assert made.resources["Trainer"] == Resources(cpu=2, memory="8G")
    assert made.resources["Pusher"] == Resources(cpu=2)
    assert "SpanPlanner" not in made.resources
    assert target(PLATFORM + "resources: {Pusher: {cpu: 1}}\n").resources == {
        "Pusher": Resources(cpu=1)
    }


# What is wrong, the platform, and the line after the section's five and what is said.
# What the other platform refuses too is in BY_BOTH.
FAULTS = {
    "tpu_on_vertex": (
        "resources:\n  Trainer: {tpu: {type: tpu-v6e-slice, topology: 2x4}}\n",
        "vertex",
        "7: resources.Trainer: steps of Vertex pipelines take no TPU",
    ),
    "gpu_of_no_name": (
        "resources:\n  Trainer: {accelerator: {type: NVIDIA_L40}}\n",
        "vertex",
        "7: resources.Trainer: Vertex has no accelerator `NVIDIA_L40`; did you mean "
        "NVIDIA_L4?",
    ),
    "gpu_of_no_kind": (
        "resources:\n  Trainer: {accelerator: {type: l4}}\n",
        "kubeflow",
        "7: resources.Trainer: `l4` is no accelerator of Kubernetes; name a model",
    ),
    "upper_case_label": (
        "  labels:\n    Team: reco\n",
        "vertex",
        "7: platform.labels: `Team` is no key of a label of Vertex",
    ),
    "value_of_a_label": (
        "  labels:\n    team: a.b\n",
        "vertex",
        "7: platform.labels: `a.b` is no value of a label of Vertex",
    ),
    "long_label": (
        f"  labels:\n    team: {'a' * 64}\n",
        "kubeflow",
        f"7: platform.labels: `{'a' * 64}` is no value of a label of Kubernetes",
    ),
    "key_of_a_label": (
        "  labels:\n    -team: a\n",
        "kubeflow",
        "7: platform.labels: `-team` is no key of a label of Kubernetes",
    ),
    "account_of_google": (
        "  service_account: me@p.iam.gserviceaccount.com\n",
        "kubeflow",
        "6: platform: `me@p.iam.gserviceaccount.com` is no service account of Kub",
    ),
    "account_of_kubernetes": (
        "  service_account: runner\n",
        "vertex",
        "6: platform: `runner` is no service account of Google Cloud",
    ),
}


BY_BOTH = {"gpu_of_no_kind", "long_label", "key_of_a_label"}


@pytest.mark.parametrize("name", FAULTS)
def test_what_a_platform_refuses_is_told_with_its_line(
    target: Callable[..., Target],
    small_config: Callable[..., Path],
    name: str,
) -> None:
    text, runner, expected = FAULTS[name]
    other = "vertex" if runner == "kubeflow" else "kubeflow"
    lines_before = small_config().read_text().count("\n")
    if name not in BY_BOTH:
        target(PLATFORM + text, other)

    with pytest.raises(ConfigError) as raised:
        target(PLATFORM + text, runner)

    (fault,) = raised.value.faults
    assert f"{fault.line - lines_before}: {fault.text}".startswith(expected)


@pytest.mark.parametrize("key", ["pipeline_root", "serving_dir", "data_path"])
def test_folder_of_this_machine_is_not_for_vertex(
    target: Callable[..., Target], key: str
) -> None:
    target(PLATFORM, **{key: "/mnt/data"})

    with pytest.raises(ConfigError, match=f"{key}.*/mnt/data"):
        target(PLATFORM, "vertex", **{key: "/mnt/data"})


def test_models_are_not_published_to_a_mounted_bucket(
    target: Callable[..., Target],
) -> None:
    with pytest.raises(
        ConfigError, match=r"takes locks.*`serving_dir` is /gcs/b/s; write gs://b/s\."
    ):
        target(PLATFORM, "vertex", serving_dir="/gcs/b/s")


def test_mounted_bucket_is_for_vertex(target: Callable[..., Target]) -> None:
    assert target(PLATFORM, "vertex", data_path="/gcs/bucket/data.zip")
