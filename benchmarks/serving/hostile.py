"""Requests of ill will: every one refused, and the server as large as before."""

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
from benchmarks.serving.workload import FIRST_MODEL, NAME
from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import publish_model
from shardline.configs.serving import Publishing

_ROUNDS = 20
_WARM_UP_ROUNDS = 10
_STORE = MODELS / "store-hostile"


def _measure(_: int) -> Outcome:
    made_models()
    shutil.rmtree(_STORE, ignore_errors=True)
    publish_model(MODELS / FIRST_MODEL, str(_STORE), Publishing(), Record())
    with ModelServer(_STORE, NAME, "--read-timeout", "5") as server:
        target = str(server.grpc_port), str(server.rest_port), NAME
        run("hostile/first", "hostile", *target, str(_WARM_UP_ROUNDS))
        before = server.resident_bytes
        found = run("hostile/rounds", "hostile", *target, str(_ROUNDS))
        found["grown_bytes"] = server.resident_bytes - before
    found["crashes"] = int(server.exit_code != 0)
    return Outcome({}, {"hostile": found}, {})


def _bars(outcome: Outcome) -> list[Bar]:
    found = outcome.found["hostile"]
    sent = f"{found['sent']:,} requests"
    return [
        at_most(f"hostile, {sent}: crashes", found["crashes"], 0, "crashes"),
        at_most(f"hostile, {sent}: not refused", len(found["wrong"]), 0, "requests"),
        at_most(
            f"hostile, {sent}: growth of memory", found["grown_bytes"] / 1e6, 20, "MB"
        ),
    ]


def _table(outcome: Outcome) -> str:
    rows = [
        [kind, ", ".join(f"{reply} {count}" for reply, count in replies.items())]
        for kind, replies in sorted(outcome.found["hostile"]["kinds"].items())
    ]
    return table_of(["requests", "replies"], rows)


SECTION = Section("requests of ill will", _measure, _bars, _table)
