"""Rules between what is said of single steps and the pipeline that has these."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shardline.configs.components import DEFAULT
from shardline.configs.fault import Fault, Part


def step_faults(
    components: Sequence[str], **sections: Mapping[Any, Any]
) -> Iterator[Fault]:
    """Yields what is said of components that the pipeline of a run does not have.

    Args:
        components: the ids of those that it has.
        **sections: by the key of the configuration, what it says by component.
    """
    for key, section in sections.items():
        part = Part(key, (key,))
        for component in section:
            if component not in (DEFAULT, *components):
                yield part.fault(
                    f"the pipeline of this run has no `{component}`",
                    f"it has {', '.join(components)}",
                    key=component,
                )
