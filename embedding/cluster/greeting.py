"""Whether the servers at the addresses of hosts are the hosts that they should be.

A TensorFlow server says its job and its task when it is asked for its status, the
question with which a chief begins anyway. Its answer is taken as what it is, the names
of its devices among other bytes: Python's TensorFlow has no class for the message. The
job of a host's server is named after the whole cluster, so that one of another cluster
is told from it. TensorFlow itself connects to either, and would train on both.
"""

import concurrent.futures
import hashlib
import re
import time
from collections.abc import Sequence

import grpc

_STATUS = "/tensorflow.WorkerService/GetStatus"
_CPU = re.compile(rb"/job:(\w+)/replica:0/task:(\d+)/device:CPU:0")
# Asks the server itself, whatever proxy the environment names.
_DIRECTLY = [("grpc.enable_http_proxy", 0)]
_MOST_AT_ONCE = 32
# Of a server that is gone again, which is for `embedding.cluster.liveness` to tell.
_SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def job_name(chief: str, workers: Sequence[str]) -> str:
    """Returns what the hosts of a cluster call their job.

    Args:
        chief: "address:port" of the chief.
        workers: those of the hosts, host 0 first.
    """
    digest = hashlib.sha256("\n".join([chief, *workers]).encode()).hexdigest()
    return f"worker_{digest[:16]}"


def strangers(addresses: Sequence[str], job: str, within_s: float) -> dict[int, str]:
    """Asks all servers at once who they are.

    Args:
        addresses: "address:port" of each host, host 0 first.
        job: what hosts of the cluster call their job.
        within_s: how long all may take, in seconds.

    Returns:
        What is wrong with each server that answers and is no such host, by its
        position.
    """
    deadline_s = time.monotonic() + within_s
    with concurrent.futures.ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        faults = pool.map(
            lambda place: _fault(place, addresses[place], job, deadline_s),
            range(len(addresses)),
        )
        return {place: fault for place, fault in enumerate(faults) if fault}


def _fault(place: int, address: str, job: str, deadline_s: float) -> str | None:
    try:
        with grpc.insecure_channel(address, options=_DIRECTLY) as channel:
            answer = channel.unary_unary(_STATUS)(
                b"", timeout=max(deadline_s - time.monotonic(), 0.001)
            )
    except grpc.RpcError as error:
        if error.code() in _SILENT:
            return None
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:
            return "it is a gRPC server, but none of TensorFlow"
        return f"it does not say who it is ({error.code().name}: {error.details()})"
    found = _CPU.search(answer)
    if not found:
        return "it is a TensorFlow server without CPU"
    if found[1].decode() != job:
        return (
            "it is a worker of another cluster: it was started with other addresses "
            "than this chief, or in another order"
        )
    if int(found[2]) != place:
        return f"it was started as worker {int(found[2])}"
    return None
