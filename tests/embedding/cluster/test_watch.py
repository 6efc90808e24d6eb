"""How a cluster runs a function and watches its hosts, without any cluster."""

import pickle
import socket
import threading

import pytest
import tensorflow as tf

from shardline.embedding.cluster import Cluster, HostLostError, WrongHostError
from shardline.embedding.cluster import cluster as module

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def address():
    """Where a host hangs: its kernel takes connections, it says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def chief(address, monkeypatch):
    """The chief of a cluster whose only host hangs, with little patience."""
    monkeypatch.setattr(module, "_CHECK_EVERY_S", 0.05)
    monkeypatch.setattr(module, "_ANSWER_WITHIN_S", 0.2)
    return Cluster("127.0.0.1:1", (address,), "chief", 0)


def test_run_returns_what_the_function_returns(chief):
    assert chief.run(lambda *args, **kwargs: (args, kwargs), 1, two=2) == (
        (1,),
        {"two": 2},
    )


@pytest.mark.parametrize("error", [KeyError("x"), StopIteration(), KeyboardInterrupt()])
def test_error_of_the_function_comes_through(chief, error):
    def fail():
        raise error

    with pytest.raises(type(error)) as caught:
        chief.run(fail)
    assert caught.value is error


def test_slow_function_on_a_hung_host_names_the_host(chief, address):
    released = threading.Event()
    message = f"1 of 1 workers lost: worker 0 at {address}: it does not"
    with pytest.raises(HostLostError, match=message) as caught:
        chief.run(released.wait)
    released.set()
    assert caught.value.hosts == chief.hosts


def test_error_of_tensorflow_on_a_hung_host_names_the_host_and_the_cause(chief):
    cause = tf.errors.UnavailableError(None, None, "socket closed")

    def fail():
        raise cause

    with pytest.raises(HostLostError, match="does not answer") as caught:
        chief.run(fail)
    assert caught.value.__cause__ is cause


def test_slow_function_is_waited_for_while_the_hosts_answer(chief, monkeypatch):
    asked = threading.Semaphore(0)

    def nobody_silent(addresses, within_s):
        asked.release()
        return {}

    monkeypatch.setattr(module, "silent_servers", nobody_silent)
    released = threading.Event()

    def wait_for_three_questions():
        for _ in range(3):
            assert asked.acquire(timeout=30)
        released.set()
        return "done"

    assert chief.run(wait_for_three_questions) == "done"
    assert released.is_set()


def test_error_of_tensorflow_while_all_hosts_answer_stays_as_it_is(chief, monkeypatch):
    monkeypatch.setattr(module, "silent_servers", lambda *_: {})
    monkeypatch.setattr(module, "_ping", lambda host: None)
    error = tf.errors.AbortedError(None, None, "not the host's fault")

    def fail():
        raise error

    with pytest.raises(tf.errors.AbortedError) as caught:
        chief.run(fail)
    assert caught.value is error


def test_connecting_to_a_host_that_never_answers_names_it(chief, address):
    with pytest.raises(HostLostError, match=address):
        chief.connect(timeout_s=0.3)


def test_something_else_at_an_address_is_no_lost_host(monkeypatch):
    monkeypatch.setattr(module, "await_servers", lambda *_: {0: module.NO_GRPC})
    cluster = Cluster("127.0.0.1:1", ("127.0.0.1:2",), "chief", 0)
    with pytest.raises(WrongHostError, match=r"worker 0 at 127\.0\.0\.1:2: it is no g"):
        cluster.connect()


def test_hosts_that_answer_and_let_nobody_connect_are_not_waited_for(
    chief, address, monkeypatch
):
    monkeypatch.setenv(module._WITHOUT_WAITING, "0")
    for question in ("await_servers", "strangers", "silent_servers"):
        monkeypatch.setattr(module, question, lambda *_: {})
    released = threading.Event()
    monkeypatch.setattr(module, "_connect", lambda spec: released.wait())
    monkeypatch.setattr(module, "_LEAST_FOR_CONNECTION_S", 0.2)
    message = f"workers {address} answer, but at least one of them did not let the ch"
    with pytest.raises(HostLostError, match=message):
        chief.connect(timeout_s=0.1)
    released.set()


def test_worker_cannot_connect():
    worker = Cluster("a:1", ("b:2",), "worker", 0)
    with pytest.raises(RuntimeError, match="Only the chief connects, and this task is"):
        worker.connect()


def test_chief_cannot_serve():
    with pytest.raises(RuntimeError, match="Only workers serve, and this task is"):
        Cluster("a:1", ("b:2",), "chief", 0).serve_host()


def test_host_whose_port_is_taken_says_so(address):
    message = f"Worker 0 cannot serve at {address}: .*Is the port taken?"
    with pytest.raises(RuntimeError, match=message):
        Cluster("127.0.0.1:1", (address,), "worker", 0).serve_host()


def test_error_crosses_processes_with_its_hosts():
    lost = HostLostError("1 lost", ["/CPU:0"], ["worker 0"])
    error = pickle.loads(pickle.dumps(lost))
    assert (str(error), error.hosts) == ("1 lost", ["/CPU:0"])
    assert error.names == ["worker 0"]
