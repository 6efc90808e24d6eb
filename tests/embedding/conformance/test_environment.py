"""The report says what it is of."""

import importlib.metadata

import tensorflow as tf

from shardline.embedding.conformance.environment import environment
from shardline.embedding.native.library import CHOICE


def test_versions_kernels_devices_and_processor_are_told(monkeypatch):
    monkeypatch.setenv(CHOICE, "stock")
    found = environment()
    assert found["TensorFlow"] == tf.version.VERSION
    assert found["kernels"] == "stock TensorFlow ops"
    assert found["devices"] == "3 CPU"
    assert "cores" in found["processor"]


def test_reason_is_told_where_native_kernels_are_missing(monkeypatch):
    monkeypatch.delenv(CHOICE, raising=False)
    module = "shardline.embedding.conformance.environment."
    monkeypatch.setattr(module + "usable_ops", lambda: None)
    monkeypatch.setattr(module + "missing_reason", lambda: "There is no g++.")
    assert environment()["kernels"] == "stock TensorFlow ops: There is no g++."


def test_checkout_that_is_not_installed_has_no_version(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert environment()["Shardline"] == "not installed as a package"
