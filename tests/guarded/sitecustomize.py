"""Lets a process reach no address but this machine's own, and notes what it tried.

Python imports this by itself where `PYTHONPATH` has this folder. Attempts are noted in
the file that `SHARDLINE_TEST_ATTEMPTS` names, for whoever catches the error. What does
not go through Python's sockets, such as gRPC, is not seen.
"""

import ipaddress
import os
import sys
from typing import Any

ATTEMPTS_FILE = "SHARDLINE_TEST_ATTEMPTS"
attempts: list[str] = []
_LOOK_UPS = {"socket.getaddrinfo", "socket.gethostbyname"}
_OWN_NAMES = {"", "localhost", "0.0.0.0", "::"}


def _check(event: str, arguments: tuple[Any, ...]) -> None:
    if _LOOK_UPS is None:  # Python ends, and has cleared this module
        return
    if event in _LOOK_UPS:
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    # No machine has a name in `.invalid`.
    if name in _OWN_NAMES or name.endswith(".invalid") or _is_loopback(name):
        return
    attempt = f"{event}: {name}"
    attempts.append(attempt)
    if file := os.environ.get(ATTEMPTS_FILE):
        with open(file, "a") as noted:
            noted.write(f"{attempt}\n")
    raise OSError(f"a test may not reach {name}")


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


sys.addaudithook(_check)
