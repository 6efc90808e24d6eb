"""Whether hosts see the files that this process sees.

Each host of a cluster reads and writes its own files of a checkpoint set, in a folder
that must be the same one for all of them. A host that does not see a file says the same
as one whose file is missing, and neither is damage of a set nor a full disk.
"""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from shardline.embedding.checkpoint.error_text import reason_of


def check_seen(path: Path, hosts: Sequence[str]) -> None:
    """Checks that all hosts see a small file.

    Args:
        path: a file that this process sees.
        hosts: TensorFlow devices.

    Raises:
        RuntimeError: naming the host that does not see it.
        tf.errors.OpError: if a host is lost, or may not read it.
    """
    for host in hosts:
        try:
            with tf.device(host):
                tf.io.read_file(str(path)).numpy()
        except tf.errors.OpError as error:
            raise_if_unseen([str(path)], error, f"The host {host}")
            raise


def raise_if_unseen(
    paths: Sequence[str], error: tf.errors.OpError, who: str = "A host"
) -> None:
    """Raises another error if a host did not find files that this process sees.

    Args:
        paths: the files that the host was to read.
        error: what it raised.
        who: which host that was.

    Raises:
        RuntimeError: saying where sets must lie.
    """
    reason = reason_of(error)
    if "No such file" in reason and all(Path(path).exists() for path in paths):
        raise RuntimeError(
            f"{who} does not see {', '.join(paths)}, which this process sees: "
            f"{reason}. Checkpoint sets must lie on a file system that all hosts see "
            "by the same path."
        ) from error
