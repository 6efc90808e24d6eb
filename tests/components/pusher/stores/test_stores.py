"""Which kind of store a serving folder is."""

from pathlib import Path

import pytest

from shardline.components.pusher.stores.local_store import LocalStore
from shardline.components.pusher.stores.object_store import ObjectStore
from shardline.components.pusher.stores.stores import open_store


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("serving", LocalStore),
        (Path("/serving"), LocalStore),
        ("gs://bucket/serving", ObjectStore),
        ("ram://serving", ObjectStore),
    ],
)
def test_scheme_decides_on_the_store(location: str | Path, kind: type) -> None:
    store = open_store(location)

    assert type(store) is kind
    assert store.root == str(location)
