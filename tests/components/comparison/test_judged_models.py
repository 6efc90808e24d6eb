"""The models to compare are at hand while they are needed, wherever they lie."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx.utils import path_utils

from shardline.components.comparison.judged_models import (
    exported_model,
    model_in_service,
    never_updated_model,
)
from shardline.components.contracts.spans.plan import PlannedSpan
from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import publish_model
from shardline.configs.schema import Publishing


def publish(folder: Path, serving: str, **origin: str) -> int:
    record = Record(origin=origin)
    return publish_model(folder, serving, Publishing(), record).version


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"index")
    return folder


@pytest.fixture(params=["local", "store"])
def serving(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "store":
        return f"{request.getfixturevalue('buckets').new('models')}/serving"
    return str(tmp_path / "serving")


def test_newest_published_model_is_given_with_what_it_learnt(
    model: Path, serving: str
) -> None:
    publish(model, serving, model="a")
    (model / "saved_model.pb").write_bytes(b"newer graph")
    version = publish(model, serving, model="b", spans="2026-01, 2026-02")

    with model_in_service(serving, "candidate") as found:
        assert found.about.version == str(version)
        assert found.about.spans == "2026-01, 2026-02"
        assert found.about.uri == f"{serving}/{version}"
        assert Path(found.folder, "saved_model.pb").read_bytes() == b"newer graph"
        assert Path(found.folder, "variables", "variables.index").exists()
        folder = found.folder
    assert Path(folder).exists() is ("://" not in serving)


def test_candidate_that_was_published_before_a_kill_is_not_compared_with_itself(
    model: Path, serving: str
) -> None:
    version = publish(model, serving, model="a")
    (model / "saved_model.pb").write_bytes(b"newer graph")
    publish(model, serving, model="candidate")

    with model_in_service(serving, "candidate") as found:
        assert found.about.version == str(version)


def test_candidate_that_is_published_alone_finds_nothing_in_service(
    model: Path, serving: str
) -> None:
    publish(model, serving, model="candidate")

    with model_in_service(serving, "candidate") as found:
        assert found is None


def test_version_that_has_learnt_what_judges_is_passed_over(
    model: Path, serving: str
) -> None:
    versions = []
    for spans in ("1", "1 to 2", "1 to 3"):
        (model / "saved_model.pb").write_text(spans)
        versions.append(publish(model, serving, model=spans, spans=spans))

    for judged_on, version in (("4", 2), ("3", 1), ("2", 0)):
        span = PlannedSpan(span=judged_on, digest="d")
        with model_in_service(serving, "candidate", span) as found:
            assert found.about.version == str(versions[version])
    span = PlannedSpan(span="1", digest="d")
    with model_in_service(serving, "candidate", span) as found:
        assert found is None


def test_nothing_is_in_service_at_first(serving: str) -> None:
    with model_in_service(serving, "candidate") as found:
        assert found is None


def test_version_that_was_damaged_says_so(model: Path, buckets: Any) -> None:
    serving = f"{buckets.new('models')}/serving"
    version = publish(model, serving)
    with tf.io.gfile.GFile(f"{serving}/{version}/variables/variables.index", "w") as f:
        f.write("else")

    with model_in_service(serving, "candidate") as found:
        assert found.folder == ""
        assert "is not what was published" in found.why_not


def test_version_without_a_publication_says_so(tmp_path: Path, model: Path) -> None:
    shutil.copytree(model, tmp_path / "serving" / "7")

    with model_in_service(str(tmp_path / "serving"), "candidate") as found:
        assert found.about.version == "7"
        assert "Publish the model again" in found.why_not


def test_exported_model_is_that_of_its_artifact(tmp_path: Path, model: Path) -> None:
    folder = path_utils.serving_model_dir(str(tmp_path / "artifact"))
    shutil.copytree(model, folder)

    with exported_model(str(tmp_path / "artifact"), "2026-01") as found:
        assert found.about.uri == str(tmp_path / "artifact")
        assert found.about.spans == "2026-01"
        assert Path(found.folder, "saved_model.pb").read_bytes() == b"graph"
    with never_updated_model(str(tmp_path / "artifact")) as found:
        assert Path(found.folder, "saved_model.pb").exists()


def test_baseline_that_is_gone_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with never_updated_model(None) as found:
        assert found is None
    assert caplog.text == ""
    with never_updated_model(str(tmp_path / "gone")) as found:
        assert found is None
    assert "is gone" in caplog.text
