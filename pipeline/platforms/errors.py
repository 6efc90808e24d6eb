"""What goes wrong with a platform, in one line each."""

import re

from shardline.pipeline.runners.passing import CAN_PASS

_BAD_GATEWAYS = (408, 429, 500, 502, 503, 504)
# How errors of the operating system look within those of clients.
_OF_THE_SYSTEM = re.compile(r"\[(Errno -?\d+|SSL: \w+)\] ([^'\")]+)")
_UNAUTHORIZED, _FORBIDDEN, _MISSING = 401, 403, 404


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


def not_reached(host: str, error: Exception) -> PlatformError:
    """Returns the error of a server that does not answer.

    Args:
        host: its address.
        error: of the client, which says why among many other things.
    """
    told = _OF_THE_SYSTEM.search(str(error))
    cause = getattr(error, "reason", None) or error
    why = told[2].strip(" (") if told else type(cause).__name__
    return PlatformError(
        f"{host} cannot be reached: {why}. Check the address in section `platform` and "
        "the network, and run the same command again.",
        can_pass=not (told and told[1].startswith("SSL")),
    )


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
