"""Which failures can pass by themselves, so that the same run is worth another try.

An error can pass if it, or one that it followed on, is of the kinds that are listed
here. Those of libraries are told by their names, so that none is imported for it.
"""

import errno
import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool

from shardline.components.execution.exit_status import exit_code_of_end
from shardline.components.folders.lock import FolderHeldError
from shardline.components.readers.datasets import DownloadError

# The exit code of a command that failed and may succeed when it is tried again.
CAN_PASS = os.EX_TEMPFAIL

_ERRNOS = frozenset(
    getattr(errno, name)
    for name in """
    EIO EREMOTEIO ESTALE ENOSPC EDQUOT ENOMEM EMFILE ENFILE EAGAIN EBUSY EINTR EDEADLK
    ENOLCK ETXTBSY EPIPE ETIMEDOUT ECONNREFUSED ECONNRESET ECONNABORTED ENOTCONN
    ENETDOWN ENETUNREACH ENETRESET ENOBUFS EHOSTDOWN EHOSTUNREACH
    """.split()
)
_KINDS = (
    MemoryError,
    ConnectionError,
    TimeoutError,
    BrokenProcessPool,
    DownloadError,
    FolderHeldError,
)
_OF_SERVICES = frozenset(
    {
        "UnavailableError",
        "AbortedError",
        "DeadlineExceededError",
        "ResourceExhaustedError",
    }
)
_OF_WEB = frozenset(
    {
        "Aborted",
        "BadGateway",
        "ChunkedEncodingError",
        "ConnectTimeout",
        "ConnectionError",
        "DeadlineExceeded",
        "GatewayTimeout",
        "InternalServerError",
        "ReadTimeout",
        "ResourceExhausted",
        "ServiceUnavailable",
        "Timeout",
        "TooManyRequests",
        "TransportError",
    }
)
# By the first part of a class's module, the classes whose errors can pass.
_NAMES = {
    "tensorflow": _OF_SERVICES,
    "ml_metadata": _OF_SERVICES,
    "google": _OF_WEB,
    "requests": _OF_WEB,
    "socket": frozenset({"gaierror"}),
    "urllib3": frozenset({"HTTPError", "MaxRetryError", "ProtocolError"}),
    "shardline": frozenset(
        {"BusyStoreError", "ComponentKilledError", "HostLostError", "WorkerKilledError"}
    ),
}
# What ML Metadata and sqlite3 say of a database that another process writes to, and of
# a disk in trouble; and what Beam's runner keeps of an error of a worker.
_SAID = re.compile(
    r"database is locked|database table is locked|disk I/O error"
    r"|database or disk is full|\b\w+Error: \[Errno (?P<number>\d+)\]|\bMemoryError\b"
)
_STATUS_CODES = frozenset(
    {"UNAVAILABLE", "ABORTED", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}
)
# A program ends itself by these when it is at fault.
_CRASHES = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGABRT,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGSYS,
        signal.SIGTRAP,
    }
)
_BY_SIGNAL = 128
# Of a command that may succeed later: 75, and as shells have them, the ends by signals
# that are no crash.
EXIT_CODES = frozenset(
    {CAN_PASS, *(_BY_SIGNAL + number for number in signal.valid_signals() - _CRASHES)}
)


def can_pass(error: BaseException) -> bool:
    """Tells whether the same run may succeed later without anybody's doing anything.

    Args:
        error: what ended it.
    """
    return any(map(_is_of_the_kinds, _with_causes(error)))


def exit_code_of_error(error: BaseException) -> int:
    """Returns the exit code of a command that an error ends: 75 or 1."""
    return CAN_PASS if can_pass(error) else 1


def exit_code_can_pass(code: int) -> bool:
    """Tells whether a command that ended with an exit code may succeed later.

    Args:
        code: as `subprocess` gives it: of a command that a signal ended, the negative
            number of the signal; 128 and the number counts as well.
    """
    return exit_code_of_end(code) in EXIT_CODES


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an error, those of a group, and those that it followed on."""
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        left.append(one.__cause__)
        if not one.__suppress_context__:
            left.append(one.__context__)
        if isinstance(one, BaseExceptionGroup):
            left.extend(one.exceptions)
        if isinstance(reason := getattr(one, "reason", None), BaseException):
            left.append(reason)  # of urllib


def _is_of_the_kinds(error: BaseException) -> bool:
    if isinstance(error, _KINDS):
        return True
    if isinstance(error, OSError) and error.errno in _ERRNOS:
        return True
    if any(
        kind.__name__ in _NAMES.get(kind.__module__.partition(".")[0], ())
        for kind in type(error).__mro__
    ):
        return True
    return _status_code(error) in _STATUS_CODES or _says_so(str(error))


def _status_code(error: BaseException) -> str | None:
    """Returns the name of the status of an error of gRPC."""
    if not any(kind.__module__.startswith("grpc") for kind in type(error).__mro__):
        return None
    code = getattr(error, "code", None)
    return getattr(code(), "name", None) if callable(code) else None


def _says_so(text: str) -> bool:
    return any(
        found["number"] is None or int(found["number"]) in _ERRNOS
        for found in _SAID.finditer(text)
    )
