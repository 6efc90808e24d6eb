"""The wheel holds the project whole, and nothing beside it."""

import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_wheel_installs_one_name(names):
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"shardline"}


@pytest.mark.parametrize("part", ["components", "configs", "embedding", "pipeline"])
def test_wheel_has_every_module(names, part):
    modules = {
        f"shardline/{path.relative_to(ROOT)}" for path in (ROOT / part).rglob("*.py")
    }
    assert len(modules) > 10
    assert modules - names == set()


def test_wheel_has_the_sources_of_the_kernels(names):
    sources = {
        f"shardline/{path.relative_to(ROOT)}"
        for path in (ROOT / "embedding" / "native" / "src").iterdir()
    }
    assert any(source.endswith("pooled_lookup.cc") for source in sources)
    assert sources - names == set()
    assert not [name for name in names if name.endswith(".so")]


def test_wheel_has_the_golden_vectors(names):
    golden = {
        f"shardline/{path.relative_to(ROOT)}"
        for path in (ROOT / "embedding" / "conformance" / "golden").iterdir()
    }
    assert "shardline/embedding/conformance/golden/inputs.json" in golden
    assert golden - names == set()


def test_wheel_has_the_shipped_configurations(names):
    shipped = {
        f"shardline/configs/{path.name}" for path in (ROOT / "configs").glob("*.yaml")
    }
    assert "shardline/configs/movielens.yaml" in shipped
    assert shipped - names == set()
