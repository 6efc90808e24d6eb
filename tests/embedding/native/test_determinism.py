"""Results are the same to the bit, whatever threads and processor compute them."""

import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from shardline_tests import load

from shardline.embedding.native.build import SOURCES, compiler, library_path

HERE = Path(__file__).parent
SETS = {"baseline": 0, "avx2": 1, "avx512": 2}
LIMIT = 4_000_000


def test_results_are_bit_equal_for_any_number_of_threads(ops):
    program = HERE / "skewed_program.py"
    running = [
        subprocess.Popen(
            [sys.executable, program],
            env=os.environ | {"TF_NUM_INTRAOP_THREADS": threads},
            stdout=subprocess.PIPE,
            text=True,
        )
        for threads in ("1", "5")
    ]
    digests = {process.communicate(timeout=300)[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0]
    # Here with as many threads as cores.
    assert digests == {load(program).digest(ops)}


@pytest.fixture(scope="module")
def results(ops, tmp_path_factory):
    """Runs the loops of an instruction set; returns all numbers they computed."""
    if platform.machine() != "x86_64":
        pytest.skip("there is one instruction set")
    driver = tmp_path_factory.mktemp("driver") / "driver.so"
    source = HERE / "row_loops_driver.cc"
    command = [compiler(), "-std=c++17", "-O1", "-shared", "-fPIC", f"-I{SOURCES}"]
    subprocess.run([*command, str(source), "-o", str(driver)], check=True)
    # Loaded already; from now on others find what is in it.
    ctypes.CDLL(str(library_path()), mode=ctypes.RTLD_GLOBAL)
    function = ctypes.CDLL(str(driver)).run_row_loops
    function.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int64]
    function.restype = ctypes.c_int64

    def run(name):
        numbers = np.zeros(LIMIT, np.float32)
        count = function(SETS[name], numbers.ctypes.data, LIMIT)
        if count < 0:
            pytest.skip(f"this processor has no {name}")
        assert 0 < count < LIMIT
        return numbers[:count]

    return run


@pytest.mark.parametrize("name", ["avx2", "avx512"])
def test_every_instruction_set_gives_the_same_bits(results, name):
    found = results(name)
    assert np.isfinite(found).all()
    assert np.unique(found).size > 10_000
    np.testing.assert_array_equal(
        found.view(np.int32), results("baseline").view(np.int32)
    )
