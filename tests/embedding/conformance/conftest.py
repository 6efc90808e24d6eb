"""Gives the tests of the kit the emulated TPU, and short ways to run it."""

import contextlib
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


@pytest.fixture
def on_hosts():
    """Makes a placement on so many logical hosts."""

    def make(count):
        hosts = [f"/CPU:{index}" for index in range(count)]
        return HostPlacement(hosts, f"{count} hosts")

    return make


@pytest.fixture
def on_emulated_tpu(emulator):
    """Makes a placement on the emulated TPU of so many hosts and cores."""
    placements = load(HERE / "emulated_placement.py")
    strategies = load(HERE.parent / "tpu" / "emulated_strategy.py")
    with contextlib.ExitStack() as stack:

        def make(hosts, cores):
            held = strategies.emulated(emulator, hosts, cores)
            return placements.EmulatedPlacement(stack.enter_context(held))

        yield make


@pytest.fixture
def check():
    """Runs groups in a placement; returns the report."""

    def run(placement, *names, **options):
        return Kit(placement, **options).report(read_groups(names))

    return run
