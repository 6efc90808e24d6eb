"""The agent beside a server: makes the full versions that it takes.

    shardline agent gs://bucket/serving /var/models/clicks

It fetches what is missing only, deltas where they are less, and moves a version in when
every file of it is what was published. Until then, and whatever fails, the server keeps
what it has.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from shardline.components.pusher.deltas.rebuild import rebuilt
from shardline.components.pusher.publication import PublicationError
from shardline.components.pusher.retention import collect
from shardline.components.pusher.stores.store import Store

_log = logging.getLogger("shardline.publishing")
_LONGEST_WAIT_S = 60.0


class _Stopped(BaseException):
    """The process was asked to end by a signal."""


def update(source: Store, target: Store, keep: int | None = None) -> int | None:
    """Makes the newest version of a store in another one, as a full version.

    If that one cannot be made, the newest that can be and that the target lacks.

    Args:
        source: where models are published; it is only read.
        target: the folder that the server watches.
        keep: how many versions to keep there; None: all.

    Returns:
        The version; None if the target is up to date.

    Raises:
        PublicationError: if the source has no version, or only smaller ones than the
            target's, or no newer one can be made.
        OSError: if the source cannot be listed, or the target not written.
    """
    if _is_up_to_date(source, target):
        return None
    with target.locked(), target.incoming() as work:
        newer = _newer(source, target)  # another agent may have been at it
        for version in reversed(newer):
            try:
                folder, publication = rebuilt(
                    source, version, target, work / str(version)
                )
            except PublicationError as error:
                _log.error("version %d: %s", version, error)
                continue
            publication.write(folder)
            target.put(folder, str(version))
            if keep is not None:
                collect(target, keep)
            return version
    if not newer:
        return None
    raise PublicationError(
        f"None of {len(newer)} newer versions of {source.root} can be made. "
        f"{target.root} stays at version {target.newest() or 'none'}."
    )


def _is_up_to_date(source: Store, target: Store) -> bool:
    # In this order, for another agent may be at it.
    served = target.newest() or 0
    newest = source.newest()
    if newest is None:
        raise PublicationError(
            f"{source.root} holds no published model yet. Publish one there, or name "
            "the folder that models are published to."
        )
    if served > newest:
        raise PublicationError(
            f"{target.root} is at version {served}, and {source.root} only at "
            f"{newest}. Nothing is made until a larger one is published there."
        )
    return served == newest


def _newer(source: Store, target: Store) -> list[int]:
    served = target.newest() or 0
    return [version for version in source.all_versions() if version > served]


def run_agent(
    source: Store,
    target: Store,
    *,
    every_s: float,
    keep: int | None = None,
    is_once: bool = False,
) -> bool:
    """Updates the target again and again, until SIGTERM or SIGINT.

    Each look that fails doubles the time to the next, up to a minute, for it may have
    fetched a whole model in vain.

    Args:
        source: where models are published.
        target: the folder that the server watches.
        every_s: seconds between two looks.
        keep: how many versions to keep in the target; None: all.
        is_once: look once only.

    Returns:
        Whether the last look left the target up to date.

    Raises:
        PublicationError: if source and target are the same folder.
    """
    if os.path.realpath(source.root) == os.path.realpath(target.root):
        raise PublicationError(
            f"{target.root} is the folder that models are published to. Name another "
            "one for the server to watch."
        )
    is_up_to_date, wait_s = False, every_s
    try:
        with _stopping():
            while True:
                is_up_to_date = _look(source, target, keep)
                if is_once:
                    break
                longer_s = min(2 * wait_s, max(every_s, _LONGEST_WAIT_S))
                wait_s = every_s if is_up_to_date else longer_s
                time.sleep(wait_s)
    except _Stopped:
        newest = target.newest() or "none"
        _log.info("told to end; %s stays at version %s", target.root, newest)
    return is_up_to_date


def _look(source: Store, target: Store, keep: int | None) -> bool:
    start = time.monotonic()
    try:
        newest = source.newest()
        version = update(source, target, keep)
    except (OSError, PublicationError) as error:
        _log.error("%s", error)
        return False
    if version is not None:
        seconds = time.monotonic() - start
        _log.info("version %d is in %s, after %.1f s", version, target.root, seconds)
    return newest is not None and (target.newest() or 0) >= newest


@contextmanager
def _stopping() -> Iterator[None]:
    """Ends the block by `_Stopped` when the process is told to end."""
    numbers = (signal.SIGTERM, signal.SIGINT)

    def stop(number: int, frame: FrameType | None) -> None:
        for again in numbers:  # what is unfinished is being removed
            signal.signal(again, signal.SIG_IGN)
        raise _Stopped

    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
