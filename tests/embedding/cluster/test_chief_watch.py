"""Whether a worker notices that its chief is gone, and what it does then."""

import os
import socket
import sys
from pathlib import Path

import pytest
from shardline_tests import load

from shardline.embedding.cluster import __main__ as module
from shardline.embedding.cluster import chief_watch
from shardline.embedding.cluster.chief_watch import ChiefWatch
from shardline.embedding.cluster.cluster import Cluster

processes = load(Path(__file__).with_name("processes.py"))


class Looks:
    """A watch that is asked once a second of a clock of its own."""

    def __init__(self, port: int):
        self.seconds = 0.0
        self._watch = ChiefWatch(f"127.0.0.1:{port}", lambda: self.seconds)

    def look(self) -> bool:
        self.seconds += 1.0
        return self._watch.is_gone()


@pytest.fixture
def port():
    return processes.free_ports(1)[0]


@pytest.fixture
def looks(port):
    return Looks(port)


def listener(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def test_chief_that_was_not_there_yet_is_not_gone(looks):
    assert not any(looks.look() for _ in range(100))


def test_chief_whose_port_is_closed_is_gone_at_the_second_look(looks, port):
    with listener(port):
        assert not looks.look()
    assert [looks.look() for _ in range(3)] == [False, True, True]


def test_chief_that_opens_its_port_anew_is_there(looks, port):
    for _ in range(2):
        with listener(port):
            assert not looks.look()
        assert not looks.look()


def test_port_is_looked_at_once_a_second(monkeypatch):
    asked = []

    def refused(*question):
        asked.append(question)
        raise ConnectionRefusedError

    monkeypatch.setattr(chief_watch.socket, "create_connection", refused)
    watch = ChiefWatch("127.0.0.1:1", lambda: 7.0)
    assert not any(watch.is_gone() for _ in range(3))
    assert len(asked) == 1


def test_machine_that_does_not_answer_is_gone_after_a_minute(looks, port, monkeypatch):
    with listener(port):
        assert not looks.look()

    def silent(*_):
        raise TimeoutError

    monkeypatch.setattr(chief_watch.socket, "create_connection", silent)
    assert [looks.look() for _ in range(61)] == [False] * 60 + [True]


@pytest.mark.parametrize("is_chief_gone", [False, True])
def test_worker_begins_anew_where_its_chief_is_gone(is_chief_gone, monkeypatch):
    commands = []
    monkeypatch.setenv(
        "TF_CONFIG", Cluster("a:1", ("b:2",), "worker", 0).tf_config_of(0)
    )
    monkeypatch.setattr(Cluster, "serve_host", lambda _: is_chief_gone)
    monkeypatch.setattr(os, "execv", lambda *command: commands.append(command))
    module.main([])
    own = (sys.executable, [sys.executable, *sys.orig_argv[1:]])
    assert commands == [own] * is_chief_gone
