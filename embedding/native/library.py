"""Loads the native kernels, once a process, and says so once if there are none."""

import functools
import logging
import os
from typing import Any

import tensorflow as tf

from shardline.embedding.native.build import compiler, digest_of, is_whole, library_path

_log = logging.getLogger(__name__)

# "stock" leaves the native kernels out, "native" insists on them.
CHOICE = "SHARDLINE_KERNELS"


class NativeKernelsMissing(RuntimeError):
    """There is no library for the installed TensorFlow, or it does not load."""


@functools.cache
def native_ops() -> Any:
    """Returns the module of the native ops.

    Raises:
        NativeKernelsMissing: saying why, and what to do.
    """
    library = library_path()
    if not library.exists():
        remedy = "Run `python -m shardline.embedding.native` (`make setup` does)."
        if compiler() is None:
            remedy = f"Install g++, then: {remedy}"
        raise NativeKernelsMissing(
            f"There are no native kernels for TensorFlow {tf.version.VERSION}. {remedy}"
        )
    if not is_whole(library):  # to load it may end the process
        raise NativeKernelsMissing(
            f"{library} is damaged: it is not what was built. Remove it and run "
            "`python -m shardline.embedding.native`."
        )
    try:
        return tf.load_op_library(str(library))
    except (tf.errors.OpError, OSError) as error:
        raise NativeKernelsMissing(
            f"{library} does not load: {error}. Remove it and run `python -m "
            "shardline.embedding.native`."
        ) from error


def usable_ops() -> Any | None:
    """Returns the native ops; None if stock ops are to serve, and says why once.

    Raises:
        NativeKernelsMissing: if SHARDLINE_KERNELS asks for them in vain.
        ValueError: on another value of SHARDLINE_KERNELS than "native" and "stock".
    """
    choice = os.environ.get(CHOICE, "")
    if choice not in ("", "native", "stock"):
        raise ValueError(f"{CHOICE} must be native, stock or not set, got {choice!r}.")
    if choice == "stock":
        return None
    try:
        return native_ops()
    except NativeKernelsMissing as missing:
        if choice == "native":
            raise
        say_once(f"Stock TensorFlow ops serve, several times slower: {missing}")
        return None


def missing_reason() -> str:
    """Returns why there are no native kernels; empty if there are."""
    try:
        native_ops()
    except NativeKernelsMissing as missing:
        return str(missing)
    return ""


def runs_on(device: str) -> bool:
    """Tells whether the process of a device has the same kernels as this one."""
    try:
        with tf.device(device), tf.init_scope():
            digest = native_ops().shardline_digest()
            return bool(digest.numpy().decode() == digest_of(library_path()))
    except tf.errors.NotFoundError:
        return False


@functools.cache
def say_once(message: str) -> None:
    """Logs a warning the first time it comes up in a process."""
    _log.warning(message)
