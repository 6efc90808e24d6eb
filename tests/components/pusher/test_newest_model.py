"""The newest model is there with all its files while it is used, also from a delta."""

import shutil
import tempfile
from pathlib import Path

import pytest

from shardline.components.pusher.newest_model import newest_model
from shardline.components.pusher.publication import PublicationError, Record
from shardline.components.pusher.publish import publish_model
from shardline.configs.serving import Publishing


def test_full_version_is_given_where_it_lies(publish, write_model, serving) -> None:
    publish(write_model("a"))
    publish(write_model("b"))

    with newest_model(serving) as (version, folder):
        assert (version, folder) == (1001, serving / "1001")
    assert (serving / "1001" / "saved_model.pb").read_bytes() == b"graph b"


def test_delta_is_put_together_beside_the_serving_folder_and_removed(
    publish, write_model, draw_rows, serving: Path
) -> None:
    table = draw_rows(50)
    publish(write_model("a", table), "delta", max_delta=1.0)
    table[7] += 1
    publish(write_model("a", table), "delta", max_delta=1.0)
    assert not (serving / "1001").exists()

    with newest_model(serving) as (version, folder):
        assert version == 1001
        assert folder.is_relative_to(serving.parent)
        variables = folder / "variables" / "variables.data-00000-of-00001"
        assert table.tobytes() in variables.read_bytes()

    assert not folder.exists()
    assert [path.name for path in serving.parent.iterdir()] == [serving.name]


def test_folder_without_a_version_is_refused(serving: Path) -> None:
    with (
        pytest.raises(PublicationError, match="holds no published model"),
        newest_model(serving),
    ):
        pass


def test_delta_of_a_version_that_is_gone_is_refused(
    publish, write_model, draw_rows, serving: Path
) -> None:
    table = draw_rows(50)
    publish(write_model("a", table), "delta", max_delta=1.0)
    table[7] += 1
    publish(write_model("a", table), "delta", max_delta=1.0)
    shutil.rmtree(serving / "1000")
    shutil.rmtree(serving / ".base", ignore_errors=True)

    with (
        pytest.raises(PublicationError, match="cannot be made"),
        newest_model(serving),
    ):
        pass
    assert [path.name for path in serving.parent.iterdir()] == [serving.name]


@pytest.mark.parametrize("mode", ["full", "delta"])
def test_model_on_an_object_store_is_copied_and_the_copy_removed(
    write_model, draw_rows, mode: str, buckets
) -> None:
    serving = f"{buckets.new('models')}/serving"
    table = draw_rows(50)
    settings = Publishing(mode=mode, max_delta=1.0)
    publish_model(write_model("a", table), serving, settings, Record())
    table[7] += 1
    last = publish_model(write_model("a", table), serving, settings, Record())

    assert last.kind == mode
    with newest_model(serving) as (version, folder):
        assert version == last.version
        assert folder.is_relative_to(tempfile.gettempdir())
        variables = folder / "variables" / "variables.data-00000-of-00001"
        assert table.tobytes() in variables.read_bytes()
        assert (folder / "saved_model.pb").read_bytes() == b"graph a"
    assert not folder.exists()
