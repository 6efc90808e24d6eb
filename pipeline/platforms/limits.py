"""What a platform can tell a container, and which steps it would have to tell more.

All that a step is told goes to its container in one argument of a command, and Linux
takes none longer than 128 KiB. A longer one would be an error when the container
starts, hours after the run has.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from shardline.configs.fault import Fault

MOST_BYTES = 128 * 1024 - 1
# For the artifacts that a step takes and gives, whose names and properties come later.
_LEFT_FOR_ARTIFACTS = 16 * 1024


def size_faults(spec: Mapping[str, Any]) -> Iterator[Fault]:
    """Yields a fault for each step that would be told too much.

    Args:
        spec: the pipeline specification.
    """
    most = MOST_BYTES - _LEFT_FOR_ARTIFACTS
    for name, task in sorted(spec["root"]["dag"]["tasks"].items()):
        sizes = {
            parameter: len(json.dumps(told))
            for parameter, told in task["inputs"].get("parameters", {}).items()
        }
        if sum(sizes.values()) > most:
            yield Fault(
                (),
                f"the platform would have to tell {name} {sum(sizes.values()):,} bytes "
                f"of the configuration, most of them its "
                f"`{max(sizes, key=sizes.__getitem__)}`, and {most:,} is the most",
                "take fewer features and tables, or shorter names",
            )
