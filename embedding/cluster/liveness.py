"""Whether gRPC servers answer, asked beside TensorFlow and without it.

A TensorFlow call that waits for a hung host waits for ever, and so would a question put
through the same runtime. So the question here is the first word of HTTP/2, which gRPC
speaks: the kernel of a machine whose server hangs still accepts a connection, but only
a server that runs says its settings. Needs sockets only, takes its time limit as given,
and leaves nothing behind.
"""

import concurrent.futures
import socket
import time
from collections.abc import Sequence

_MOST_AT_ONCE = 32
_RETRY_AFTER_S = 0.2
# One that hangs must not keep the others from being asked again.
_ROUND_WITHIN_S = 10.0

NO_GRPC = "it is no gRPC server"

# The client's preface, then a settings frame without settings (RFC 9113, 3.4 and 4.1).
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_HEADER_BYTES = 9
_TYPE_AT = 3
_SETTINGS = 4


def silent_servers(addresses: Sequence[str], within_s: float) -> dict[int, str]:
    """Asks all servers at once and returns those that do not answer.

    Args:
        addresses: "address:port" of each server.
        within_s: how long each may take, in seconds.

    Returns:
        What is wrong with each silent server, by its position in `addresses`.
    """
    deadline_s = time.monotonic() + within_s
    with concurrent.futures.ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        faults = pool.map(lambda address: _fault(address, deadline_s), addresses)
        return {place: fault for place, fault in enumerate(faults) if fault}


def await_servers(addresses: Sequence[str], within_s: float) -> dict[int, str]:
    """Waits until all servers answer; returns those that still do not in the end.

    Does not wait for what has answered twice in a row and is no gRPC server.

    Args:
        addresses: "address:port" of each server.
        within_s: how long all together may take, in seconds.

    Returns:
        What is wrong with each silent server, by its position in `addresses`; `NO_GRPC`
        if something else answers.
    """
    deadline_s = time.monotonic() + within_s
    others: set[int] = set()
    while True:
        left_s = deadline_s - time.monotonic()
        round_s = min(max(left_s, _RETRY_AFTER_S), _ROUND_WITHIN_S)
        silent = silent_servers(addresses, round_s)
        if not silent or left_s <= _RETRY_AFTER_S:
            return silent
        earlier = others
        others = {place for place, fault in silent.items() if fault == NO_GRPC}
        if others & earlier:
            return silent
        time.sleep(_RETRY_AFTER_S)


def split_address(address: str) -> tuple[str, int]:
    """Returns name and port of "address:port"; IPv6 in brackets.

    Raises:
        ValueError: if it has no port, or none from 1 to 65535.
    """
    name, _, port = address.rpartition(":")
    if not name or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ValueError(
            f"{address!r} is no address: expected 'name:port', port from 1 to 65535."
        )
    return name.strip("[]"), int(port)


def _fault(address: str, deadline_s: float) -> str | None:
    """Returns what is wrong with one server, None if it answers in time."""
    try:
        with socket.create_connection(
            split_address(address), timeout=_left_s(deadline_s)
        ) as connection:
            connection.sendall(_HELLO)
            header = b""
            while len(header) < _HEADER_BYTES:
                connection.settimeout(_left_s(deadline_s))
                received = connection.recv(_HEADER_BYTES - len(header))
                if not received:
                    return NO_GRPC if header else "it closes the connection"
                header += received
    except TimeoutError:
        return "it does not answer"
    except OSError as error:
        return f"it cannot be reached ({error.strerror or error})"
    return None if header[_TYPE_AT] == _SETTINGS else NO_GRPC


def _left_s(deadline_s: float) -> float:
    """Returns the time left, a little at least: 0 would mean not to wait at all."""
    return max(deadline_s - time.monotonic(), 0.001)
