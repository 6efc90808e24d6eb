"""Older versions become the newest again, by promotion and by rollback."""

import os
import shutil

import pytest

from shardline.components.pusher import history
from shardline.components.pusher.publication import PublicationError, Record
from shardline.components.pusher.stores.stores import open_store


@pytest.fixture
def store(serving):
    """The store of the serving folder."""
    return open_store(serving)


@pytest.fixture
def served(serving, content_of, served_model):
    """Returns the token of the model that is served."""

    def token() -> str:
        with served_model(serving) as (_, folder):
            return content_of(folder)["saved_model.pb"].decode().split()[1]

    return token


def test_promoted_version_is_served_again_without_a_copy(
    publish, write_model, store, serving, served, content_of
) -> None:
    for token in "abc":
        publish(write_model(token))

    promoted = history.promote(store, 1000)

    assert (promoted.version, promoted.kind) == (1003, "full")
    assert served() == "a"
    assert content_of(serving / "1003") == content_of(serving / "1000")
    names = [serving / v / "saved_model.pb" for v in ("1000", "1003")]
    assert os.path.samefile(*names)


def test_promotion_is_recorded_beside_what_was_known(
    publish, write_model, store
) -> None:
    gates = [{"gate": "size", "passes": False}]
    record = Record({"model": "uri"}, "a demo", ["size"], gates)
    publish(write_model("a"), record=record)
    publish(write_model("b"))

    history.promote(store, 1000)

    publication = store.publication(1002)
    assert publication.origin == {"model": "uri", "promoted": 1000}
    assert publication.forced == "a demo"
    assert publication.overridden == ["size"]
    assert publication.gates == gates
    assert publication.digest == store.publication(1000).digest


def test_rollback_goes_to_the_model_before_and_says_so(
    publish, write_model, store, served
) -> None:
    for token in "ab":
        publish(write_model(token))

    assert history.rollback(store).version == 1002

    assert served() == "a"
    origin = store.publication(1002).origin
    assert origin == {"promoted": 1000, "rollback_of": 1001}


def test_rollback_twice_goes_two_models_back(
    publish, write_model, store, served
) -> None:
    for token in "abc":
        publish(write_model(token))

    history.rollback(store)
    assert served() == "b"
    history.rollback(store)

    assert served() == "a"
    origin = store.publication(1004).origin
    assert origin == {"promoted": 1000, "rollback_of": 1003}
    with pytest.raises(PublicationError, match="nothing older than version 1000"):
        history.rollback(store)


def test_rollback_skips_versions_of_the_same_content(
    publish, write_model, store, served
) -> None:
    for token in "ab":
        publish(write_model(token))
    publish(write_model("b"), record=Record(forced="again"))

    history.rollback(store)

    assert served() == "a"


def test_rollback_after_one_whose_version_is_gone_goes_before_it(
    publish, write_model, store, served, serving
) -> None:
    for token in "abc":
        publish(write_model(token))
    history.rollback(store)
    shutil.rmtree(serving / "1001")

    history.rollback(store)

    assert served() == "a"


def test_rollback_undoes_a_promotion_and_then_goes_on(
    publish, write_model, store, served
) -> None:
    for token in "abc":
        publish(write_model(token))
    history.promote(store, 1000)

    history.rollback(store)
    assert served() == "c"
    history.rollback(store)

    assert served() == "b"


def test_version_renamed_by_hand_can_be_promoted(
    publish, write_model, store, serving, served
) -> None:
    for token in "ab":
        publish(write_model(token))
    (serving / "1000").rename(serving / "900")

    history.promote(store, 900)

    assert served() == "a"
    assert store.publication(1002).origin == {"promoted": 900}


def test_promotion_after_a_rollback_is_none(publish, write_model, store) -> None:
    for token in "ab":
        publish(write_model(token))
    history.rollback(store)

    history.promote(store, 1001)
    history.promote(store, 1002)

    assert store.publication(1004).origin == {"promoted": 1002}


def test_versions_that_are_deltas_can_be_promoted_and_rolled_back(
    publish, write_model, store, served, draw_rows
) -> None:
    table = draw_rows(99)
    for token in "abc":
        table[3] += 1
        publish(write_model(token, table), "delta", max_delta=1.0)

    history.promote(store, 1001)
    assert served() == "b"
    history.rollback(store)
    assert served() == "c"
    published = publish(write_model("e", table), "delta", max_delta=1.0)

    assert published.kind == "delta"
    assert served() == "e"


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (7, "has no version 7; there is 1000, 1001"),
        (1001, "Version 1001, which is served, has the content of version 1001"),
    ],
)
def test_version_that_cannot_be_promoted_is_told(
    publish, write_model, store, version, words
) -> None:
    for token in "ab":
        publish(write_model(token))

    with pytest.raises(PublicationError, match=words):
        history.promote(store, version)


def test_damaged_version_is_not_served_again(
    publish, write_model, store, serving, names_in
) -> None:
    for token in "ab":
        publish(write_model(token))
    (serving / "1000" / "saved_model.pb").write_text("damaged")

    with pytest.raises(PublicationError, match=r"Version 1000 of .* cannot be made"):
        history.rollback(store)

    assert names_in(serving) == ["1000", "1001"]


def test_rollback_passes_over_what_has_no_publication(
    publish, write_model, store, serving, served
) -> None:
    for token in "abc":
        publish(write_model(token))
    (serving / "1001" / "assets.extra" / "publication.json").unlink()

    history.rollback(store)

    assert served() == "a"


def test_empty_folder_cannot_be_rolled_back(store) -> None:
    with pytest.raises(PublicationError, match="holds no published model"):
        history.rollback(store)
