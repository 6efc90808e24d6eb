"""Who does the hot steps: native ops if every host has them, else stock ops."""

import logging
from types import SimpleNamespace

import pytest

from shardline.embedding.host import kernels
from shardline.embedding.host.native_kernels import NativeKernels
from shardline.embedding.host.stock_kernels import StockKernels
from shardline.embedding.native import library

LAYOUT = SimpleNamespace(used_hosts=["/CPU:0", "/CPU:1"])


@pytest.fixture
def without(monkeypatch):
    """Makes it known which hosts have no native kernels, or that there are none."""
    library.say_once.cache_clear()

    def known(hosts, ops="the ops"):
        monkeypatch.setattr(kernels, "usable_ops", lambda: ops)
        monkeypatch.setattr(kernels, "runs_on", lambda host: host not in hosts)

    return known


def test_native_ops_serve_where_every_host_has_them(without):
    without([])
    assert isinstance(kernels.kernels_for(LAYOUT), NativeKernels)


def test_stock_ops_serve_where_there_are_no_others(without):
    without([], ops=None)
    assert isinstance(kernels.kernels_for(LAYOUT), StockKernels)


def test_stock_ops_serve_all_hosts_if_one_has_no_others(without, caplog):
    without(["/CPU:1"])
    with caplog.at_level(logging.WARNING):
        assert isinstance(kernels.kernels_for(LAYOUT), StockKernels)
    assert "The hosts ['/CPU:1'] have no native kernels" in caplog.text
    assert "python -m shardline.embedding.native" in caplog.text
