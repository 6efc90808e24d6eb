"""`shardline serve` under load for a minute, while a new version is published."""

import shutil

from benchmarks.bars import Bar, at_least, at_most
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

_SECONDS = 60
_STORE = MODELS / "store"


def _measure(_: int) -> Outcome:
    made_models()
    shutil.rmtree(_STORE, ignore_errors=True)
    publish_model(MODELS / FIRST_MODEL, str(_STORE), Publishing(), Record())
    with ModelServer(_STORE, NAME) as server:
        given = map(str, (server.grpc_port, server.rest_port, _SECONDS))
        found = run("load/clients", "load", *given, MODELS, _STORE)
    found["errors"] += server.exit_code != 0
    return Outcome({}, {"load": found}, {})


def _bars(outcome: Outcome) -> list[Bar]:
    found = outcome.found["load"]
    seconds = f"{_SECONDS} s, 8 clients"
    return [
        at_most(f"load, {seconds}: errors", found["errors"], 0, "errors"),
        at_least(
            f"load, {seconds}: versions that answered", found["versions"], 2, "versions"
        ),
    ]


def _table(outcome: Outcome) -> str:
    found = outcome.found["load"]
    rows = [
        [
            protocol,
            f"{replies / found['seconds']:.0f}",
            *(
                f"{found['percentiles'][protocol][str(percent)] * 1e3:.1f} ms"
                for percent in (50, 90, 99)
            ),
        ]
        for protocol, replies in found["replies"].items()
    ]
    table = table_of(["protocol", "requests a second", "p50", "p90", "p99"], rows)
    speed = found["examples"] / found["seconds"]
    said = f"\n\nTogether {speed:,.0f} examples a second; {found['errors']} errors."
    return table + said + "".join(f"\n* {e}" for e in found["first_errors"])


SECTION = Section(
    "`shardline serve`, 8 clients, a new version meanwhile", _measure, _bars, _table
)
