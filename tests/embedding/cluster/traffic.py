"""Counts the bytes that TCP servers of this machine received and sent.

The kernel counts them for every connection, and tells them over netlink (sock_diag(7))
without asking for any right. Header bytes of TCP and IP are not in it, those of HTTP/2
and gRPC are.
"""

import socket
import struct
from collections.abc import Collection

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_ALL = 0x301
_ERROR, _DONE = 2, 3
_INFO = 2
_ALL_STATES = 0xFFFFFFFF

_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBBI48x")
_ANSWER_BYTES = 72
_ATTRIBUTE = struct.Struct("=HH")
_ACKED_AT, _RECEIVED_AT = 120, 128


def supported() -> bool:
    """Returns whether this kernel tells its counts."""
    try:
        bytes_through([1])
    except (AttributeError, OSError):
        return False
    return True


def bytes_through(ports: Collection[int]) -> int:
    """Returns the bytes through servers on these ports, both ways, ever.

    Of the connections that are open now; gRPC keeps its own.
    """
    total = 0
    for family in (socket.AF_INET, socket.AF_INET6):
        for answer in _answers(family):
            (port,) = struct.unpack_from(">H", answer, 4)
            if port in ports:
                total += _counted(answer)
    return total


def _answers(family: int) -> list[bytes]:
    """Returns an inet_diag_msg with its attributes for each connection."""
    request = _REQUEST.pack(
        family, socket.IPPROTO_TCP, 1 << (_INFO - 1), 0, _ALL_STATES
    )
    header = _HEADER.pack(
        _HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, _REQUEST_ALL, 1, 0
    )
    found = []
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG
    ) as netlink:
        netlink.settimeout(5)
        netlink.sendall(header + request)
        while True:
            data, at = netlink.recv(1 << 20), 0
            while at < len(data):
                size, kind, *_ = _HEADER.unpack_from(data, at)
                if kind == _DONE:
                    return found
                if kind == _ERROR:
                    raise OSError("the kernel refuses to tell of its sockets")
                found.append(data[at + _HEADER.size : at + size])
                at += _aligned(size)


def _counted(answer: bytes) -> int:
    at = _ANSWER_BYTES
    while at < len(answer):
        size, kind = _ATTRIBUTE.unpack_from(answer, at)
        info = answer[at + _ATTRIBUTE.size : at + size]
        if kind == _INFO and len(info) >= _RECEIVED_AT + 8:
            acked = struct.unpack_from("=Q", info, _ACKED_AT)[0]
            return acked + struct.unpack_from("=Q", info, _RECEIVED_AT)[0]
        at += _aligned(size)
    return 0


def _aligned(size: int) -> int:
    return (size + 3) & ~3
