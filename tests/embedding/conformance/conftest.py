"""Gives the tests of the kit the emulated TPU, and short ways to run it."""

from pathlib import Path

import pytest
from shardline_tests import load

from shardline.embedding.conformance.golden import read_groups
from shardline.embedding.conformance.kit import Kit
from shardline.embedding.conformance.placement import HostPlacement

HERE = Path(__file__).parent
tpu_conftest = load(HERE.parent / "tpu" / "conftest.py")

fake_tpu = tpu_conftest.fake_tpu
emulator_library = tpu_conftest.emulator_library
emulator = tpu_conftest.emulator
emulated = tpu_conftest.emulated


@pytest.fixture
def on_hosts():
    """Makes a placement on so many logical hosts."""

    def make(count):
        hosts = [f"/CPU:{index}" for index in range(count)]
        return HostPlacement(hosts, f"{count} hosts")

    return make


@pytest.fixture
def on_emulated_tpu(emulator, emulated, fake_tpu):
    """Makes a placement on the emulated TPU with so many hosts and cores each."""
    placements = load(HERE / "emulated_placement.py")
    with emulated.local_hosts():
        yield lambda hosts, cores: placements.EmulatedPlacement(
            emulator, fake_tpu, hosts, cores
        )


@pytest.fixture
def check():
    """Runs groups in a placement; returns the report."""

    def run(placement, *names, **options):
        return Kit(placement, **options).report(read_groups(names))

    return run
