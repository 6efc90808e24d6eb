"""Where a training can run that is a step of a platform."""

from collections.abc import Iterator, Mapping

from shardline.configs.fault import Fault, Part
from shardline.configs.resources import Resources
from shardline.configs.schema import Training
from shardline.pipeline.platforms.runners import PlatformRunner

_TRAINING = Part("training", ("training",))


def placement_faults(
    training: Training, runner: PlatformRunner, resources: Mapping[str, Resources]
) -> Iterator[Fault]:
    """Yields what a platform cannot give a training.

    Args:
        training: says where it runs.
        runner: the platform.
        resources: what steps need, by component.
    """
    if training.cluster:
        yield _TRAINING.fault(
            "a step of a platform has no fixed address, at which a chief could be "
            "reached by its workers",
            "leave `cluster` out, or train by `shardline run` on a machine of the "
            "cluster",
            key="cluster",
        )
    if training.tpu and runner == "vertex":
        yield _TRAINING.fault(
            "steps of Vertex pipelines take no TPU",
            "leave `tpu` out, or run it on Kubeflow",
            key="tpu",
        )
    elif training.tpu == "local":
        trainer = resources.get("Trainer")
        if trainer is None or trainer.tpu is None:
            yield _TRAINING.fault(
                "the machine of the step Trainer has no TPU",
                "ask for one in `resources.Trainer.tpu`",
                key="tpu",
            )
