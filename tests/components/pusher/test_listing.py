"""What a serving folder holds, as it is listed."""

import json
import shutil

from shardline.components.pusher import history
from shardline.components.pusher.listing import listed
from shardline.components.pusher.publication import Record
from shardline.components.pusher.stores.stores import open_store


def card(auc: float) -> dict[str, bytes]:
    return {"assets.extra__model.json": json.dumps({"metrics": {"auc": auc}}).encode()}


def test_versions_are_listed_newest_first(
    publish, write_model, draw_rows, serving
) -> None:
    table = draw_rows(99)
    publish(write_model("a", table, **card(0.7)), "delta", max_delta=1.0)
    table[[3, 50]] += 1
    second = publish(write_model("a", table, **card(0.8)), "delta", max_delta=1.0)
    table[7] += 1
    publish(
        write_model("a", table, **card(0.8)),
        "delta",
        Record(forced="a demo"),
        max_delta=1.0,
    )
    history.rollback(open_store(serving))

    rows = listed(open_store(serving))

    assert [row.version for row in rows] == [1003, 1002, 1001, 1000]
    assert [row.served for row in rows] == [True, False, False, False]
    assert [row.kind for row in rows] == ["full", "delta", "delta", "full"]
    assert [row.metrics["auc"] for row in rows] == [0.8, 0.8, 0.8, 0.7]
    assert [row.table_rows for row in rows] == [None, 1, 2, None]
    assert rows[2].delta_bytes == second.bytes
    assert rows[1].forced == "a demo"
    assert (rows[0].promoted, rows[0].rollback_of) == (1001, 1002)
    assert rows[0].digest == rows[2].digest
    assert rows[0].bytes == rows[2].bytes
    assert all(row.published_at for row in rows)


def test_version_that_says_nothing_is_a_number(publish, write_model, serving) -> None:
    publish(write_model())
    (serving / "7").mkdir()
    (serving / "deltas" / "8").mkdir(parents=True)

    rows = listed(open_store(serving))

    assert [(row.version, row.kind) for row in rows] == [
        (1000, "full"),
        (8, "delta"),
        (7, "full"),
    ]
    assert [row.digest is None for row in rows] == [False, True, True]


def test_model_without_metrics_is_listed_without(publish, write_model, serving) -> None:
    more = {"assets.extra__model.json": b"{}"}
    publish(write_model("a", **more))
    publish(write_model("b", **more), "delta", max_delta=1.0)
    shutil.rmtree(serving / "1000")

    assert [row.metrics for row in listed(open_store(serving))] == [{}]


def test_empty_folder_has_no_versions(tmp_path) -> None:
    assert listed(open_store(tmp_path / "absent")) == []
