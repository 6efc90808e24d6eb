"""Whether all clients get the same bits, and whether the warm-up file replays."""

import shutil

from benchmarks.bars import Bar, at_most
from benchmarks.serving.server import ModelServer
from benchmarks.serving.session import (
    MODELS,
    Outcome,
    Section,
    made_models,
    run,
    table_of,
)
from benchmarks.serving.workload import NAME, PRECISIONS
from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import publish_model
from shardline.configs.serving import Publishing

_CLIENTS = ("C", "gRPC", "REST")


def _measure(_: int) -> Outcome:
    made_models()
    found = {}
    for precision in PRECISIONS:
        store = MODELS / f"store-{precision}"
        shutil.rmtree(store, ignore_errors=True)
        publish_model(MODELS / precision, str(store), Publishing(), Record())
        with ModelServer(store, NAME) as server:
            ports = str(server.grpc_port), str(server.rest_port)
            given = MODELS / precision, MODELS / "examples.tfrecord", MODELS
            found[precision] = run(f"clients/{precision}", "clients", *ports, *given)
    return Outcome({}, {"clients": found}, {})


def _bars(outcome: Outcome) -> list[Bar]:
    found = outcome.found["clients"].values()
    return [
        *(
            at_most(
                f"{client} client: largest difference to TensorFlow in Python",
                max(each["largest"][client] for each in found),
                0,
                "",
            )
            for client in _CLIENTS
        ),
        at_most(
            "warm-up records without an answer",
            sum(each["warm_up"] - each["answered"] for each in found),
            0,
            "records",
        ),
    ]


def _table(outcome: Outcome) -> str:
    rows = [
        [
            precision,
            *(f"{each['largest'][client]:g}" for client in _CLIENTS),
            f"{each['answered']} of {each['warm_up']}",
        ]
        for precision, each in outcome.found["clients"].items()
    ]
    return table_of(["tables", *_CLIENTS, "warm-up records answered"], rows)


SECTION = Section("the same scores through every client", _measure, _bars, _table)
