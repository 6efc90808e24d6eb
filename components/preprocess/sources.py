"""Which files a job reads, and as what."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Source:
    """Files of one split, and of one span if data comes in spans.

    Attributes:
        split: of the files.
        files: paths, sorted.
        span: such as a day; the analysis of a span is kept apart, for the cache.
    """

    split: str
    files: tuple[str, ...]
    span: str = ""


def fingerprint(files: Sequence[str], *, read_as: str) -> str:
    """Returns what changes when files change, by their names, sizes and times.

    Args:
        files: paths.
        read_as: all else that decides on what is found in them.
    """
    digest = hashlib.sha256(read_as.encode())
    for file in files:
        facts = tf.io.gfile.stat(file.partition("!/")[0])
        digest.update(f"\n{file} {facts.length} {facts.mtime_nsec}".encode())
    return digest.hexdigest()[:32]
