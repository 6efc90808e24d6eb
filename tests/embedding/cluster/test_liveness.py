"""Who answers, asked of servers that live, hang, hang up, or are something else."""

import contextlib
import socket
import threading
import time

import pytest

from shardline.embedding.cluster.liveness import (
    NO_GRPC,
    await_servers,
    silent_servers,
    split_address,
)

# Far from any wait that is asked for here: the machine may be busy.
ENDED_WITHIN_S = 30

SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


@pytest.fixture
def serve():
    """Starts a server that answers every connection with the same pieces."""
    with contextlib.ExitStack() as stack:

        def start(*pieces, hang_up=False):
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def answer():
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = server.accept()
                        connection.recv(100)
                        for piece in pieces:
                            connection.sendall(piece)
                            time.sleep(0.02)
                        if hang_up:
                            connection.close()
                        else:
                            stack.enter_context(connection)

            threading.Thread(target=answer, daemon=True).start()
            return f"127.0.0.1:{server.getsockname()[1]}"

        yield start


@pytest.fixture
def hung():
    """The address of a server that its kernel answers for, and nobody else."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_server_that_says_its_settings_is_not_silent(serve):
    assert silent_servers([serve(SETTINGS), serve(SETTINGS[:4], SETTINGS[4:])], 5) == {}


def test_hung_server_is_silent_after_the_time_given(serve, hung):
    started_s = time.monotonic()
    assert silent_servers([serve(SETTINGS), hung], 0.3) == {1: "it does not answer"}
    assert 0.3 <= time.monotonic() - started_s < ENDED_WITHIN_S


def test_many_hung_servers_take_no_longer_than_one(hung):
    started_s = time.monotonic()
    assert len(silent_servers([hung] * 40, 1)) == 40
    # One after the other they would take 40 s.
    assert time.monotonic() - started_s < ENDED_WITHIN_S


def test_absent_server_is_told_from_a_hung_one(processes):
    (port,) = processes.free_ports(1)
    (fault,) = silent_servers([f"127.0.0.1:{port}"], 5).values()
    assert fault == "it cannot be reached (Connection refused)"


def test_unknown_name_cannot_be_reached():
    (fault,) = silent_servers(["no-such-host.invalid:1"], 5).values()
    assert fault.startswith("it cannot be reached (")


def test_server_that_hangs_up_is_silent(serve):
    assert silent_servers([serve(hang_up=True)], 5) == {0: "it closes the connection"}


@pytest.mark.parametrize("word", [b"HTTP/1.1 400 Bad", b"-ERR\r\n"])
def test_server_of_another_protocol_is_silent(serve, word):
    assert silent_servers([serve(word, hang_up=True)], 5) == {0: NO_GRPC}


def test_waiting_ends_early_where_something_else_answers(serve, processes):
    (port,) = processes.free_ports(1)
    found = await_servers([serve(b"HTTP/1.1 400 Bad"), f"127.0.0.1:{port}"], 3600)
    assert found[0] == NO_GRPC
    assert found.keys() == {0, 1}


def test_waiting_ends_when_the_last_server_answers(serve, processes):
    (port,) = processes.free_ports(1)
    late = f"127.0.0.1:{port}"

    def start_late():
        time.sleep(0.5)
        with socket.create_server(("127.0.0.1", port)) as server:
            connection, _ = server.accept()
            with connection:
                connection.sendall(SETTINGS)
                connection.recv(100)

    starting = threading.Thread(target=start_late)
    starting.start()
    assert await_servers([serve(SETTINGS), late], 30) == {}
    starting.join(10)


def test_waiting_ends_in_time_without_the_server(hung):
    started_s = time.monotonic()
    assert await_servers([hung], 0.5) == {0: "it does not answer"}
    assert time.monotonic() - started_s < ENDED_WITHIN_S


@pytest.mark.parametrize(
    ("address", "parts"),
    [("name:80", ("name", 80)), ("[::1]:65535", ("::1", 65535))],
)
def test_address_is_split(address, parts):
    assert split_address(address) == parts


@pytest.mark.parametrize("address", ["name", "name:", ":80", "a:0", "a:65536", "a:-1"])
def test_text_that_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match="is no address: expected 'name:port'"):
        split_address(address)
