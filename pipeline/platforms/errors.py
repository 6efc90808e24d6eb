"""What goes wrong with a platform, in one line each."""

import contextlib
import re
from collections.abc import Iterator

from urllib3 import exceptions

from shardline.pipeline.runners.passing import CAN_PASS

_BAD_GATEWAYS = (408, 429, 500, 502, 503, 504)
# How errors of the operating system look within those of clients.
_OF_THE_SYSTEM = re.compile(r"\[(Errno -?\d+|SSL: \w+)\] ([^'\")]+)")
# Of gateways that did not hear of the end of what they had passed on.
_UNSURE = (502, 504)
_UNAUTHORIZED, _FORBIDDEN, _MISSING = 401, 403, 404
# What comes before a request has been sent.
_UNSENT = (
    exceptions.NewConnectionError,
    exceptions.ConnectTimeoutError,
    exceptions.SSLError,
    exceptions.ProxyError,
)


class PlatformError(RuntimeError):
    """A platform that cannot be reached, or does not do what it is asked.

    Attributes:
        exit_code: of the command: 75 if the same may succeed later, else 1.
    """

    def __init__(self, message: str, *, can_pass: bool = False):
        """Takes what was asked, what came, and what to do about it.

        Args:
            message: all of that.
            can_pass: whether the same may succeed later.
        """
        super().__init__(message)
        self.exit_code = CAN_PASS if can_pass else 1


def not_reached(
    host: str,
    error: Exception,
    *,
    check: str = "the address in section `platform` and the network",
) -> PlatformError:
    """Returns the error of a server that does not answer.

    Args:
        host: its address.
        error: of the client, which says why among many other things.
        check: what may be wrong.
    """
    told = _OF_THE_SYSTEM.search(str(error))
    return PlatformError(
        f"{host} cannot be reached: {_why(error)}. Check {check}, and run the same "
        "command again.",
        can_pass=not (told and told[1].startswith("SSL")),
    )


@contextlib.contextmanager
def starting(host: str, run: str, url: str) -> Iterator[None]:
    """Says of a run whose start was asked for and not answered that it may go on.

    Who is told that the same may succeed later would start a second one.

    Args:
        host: the address of the server.
        run: the name of the run.
        url: where people see it if it has started.

    Raises:
        PlatformError: if the request was sent, and no answer came.
    """
    try:
        yield
    except Exception as error:
        cause = _cause(error)
        status = getattr(error, "status", None) or getattr(error, "code", None)
        is_lost = isinstance(cause, exceptions.HTTPError) and not isinstance(
            cause, _UNSENT
        )
        if not is_lost and status not in _UNSURE:
            raise
        why = _why(error) if is_lost else f"status {status}"
        raise PlatformError(
            f"{host} was asked to start {run} and has not answered: {why}. It may have "
            f"started: look at {url} before you run the same command again."
        ) from error


def _why(error: Exception) -> str:
    told = _OF_THE_SYSTEM.search(str(error))
    return told[2].strip(" (") if told else type(_cause(error)).__name__


def _cause(error: Exception) -> Exception:
    """Returns what went wrong below the clients, which wrap it once or twice."""
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    cause: Exception = getattr(error, "reason", None) or error
    return cause if isinstance(cause, Exception) else error


def not_understood(host: str, platform: str) -> PlatformError:
    """Returns the error of a server that answers, but not as the platform does.

    Args:
        host: its address.
        platform: what it was taken for.
    """
    return PlatformError(
        f"{host} does not answer as {platform} does; it may be a page to log in, or "
        "another server. Check the address in section `platform`, and the login."
    )


def refused(host: str, status: int, said: str, *, credentials: str) -> PlatformError:
    """Returns the error of a server that answers with a status of failure.

    Args:
        host: its address.
        status: of HTTP.
        said: what it says of it.
        credentials: what to do if it does not know who asks.
    """
    told = f"{host} answers {status}: {' '.join(said.split()).rstrip('.')}."
    if status == _UNAUTHORIZED:
        return PlatformError(f"{told} {credentials}")
    if status == _FORBIDDEN:
        return PlatformError(
            f"{told} Who asks is known and may not do this: have the role granted, or "
            f"use another account. {credentials}"
        )
    if status == _MISSING:
        return PlatformError(f"{told} Check the names in section `platform`.")
    if status in _BAD_GATEWAYS:
        return PlatformError(f"{told} Run the same command again.", can_pass=True)
    return PlatformError(told)
