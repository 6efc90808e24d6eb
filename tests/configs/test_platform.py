"""Section `platform`: what it takes of names, places and addresses."""

from typing import Any

import pytest
from pydantic import ValidationError

from shardline.configs.platform import Kubeflow, Platform, Vertex

pytestmark = pytest.mark.orchestration


@pytest.mark.parametrize(
    "image",
    [
        "shardline",
        "registry/shardline:1",
        "eu.gcr.io/my-project/shard_line:v1.2",
        "localhost:5000/a/b@sha256:" + "0a" * 32,
    ],
)
def test_image_is_taken_as_registries_have_it(image: str) -> None:
    assert Platform(image=image).image == image


@pytest.mark.parametrize("image", ["", "a b", "Shardline", "a:", "a@sha256:12", "a//b"])
def test_other_image_is_refused(image: str) -> None:
    with pytest.raises(ValidationError, match="such as registry/shardline:1"):
        Platform(image=image)


@pytest.mark.parametrize("location", ["gs://bucket/a", "bucket://b", "/mnt/data"])
def test_location_is_a_uri_or_an_absolute_path(location: str) -> None:
    assert Platform(data_path=location).data_path == location


@pytest.mark.parametrize("location", ["data", "./data", "~/data", "", "gs:/a", 5])
def test_other_location_is_refused(location: Any) -> None:
    with pytest.raises(ValidationError, match="a URI, such as gs://bucket/folder"):
        Platform(serving_dir=location)


@pytest.mark.parametrize("host", ["pipelines.example", "ftp://host", "https://"])
def test_host_that_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match=r"written https://HOST\[:PORT\]"):
        Kubeflow(host=host)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("project", "My Project", "such as my-project-1"),
        ("region", "Europe", "europe-west4"),
        ("network", "default", "projects/NUMBER/global/networks/NAME"),
        ("endpoint", "http://example.com", "for this machine only"),
    ],
)
def test_odd_setting_of_vertex_is_refused(key: str, value: str, expected: str) -> None:
    settings = {"project": "my-project", "region": "europe-west4", key: value}

    with pytest.raises(ValidationError, match=expected):
        Vertex(**settings)


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:8080", "private.example:443", "https://a.example"]
)
def test_endpoint_is_a_host_or_a_stand_in_on_this_machine(endpoint: str) -> None:
    vertex = Vertex(project="my-project", region="us-central1", endpoint=endpoint)

    assert vertex.endpoint == endpoint


def test_number_is_no_label() -> None:
    with pytest.raises(ValidationError, match="valid string"):
        Platform(labels={"team": 1})
