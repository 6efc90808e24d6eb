"""The compiler leaves the prefetches in, whose functions it takes for idle."""

import re
import shutil
import subprocess

import pytest

from shardline.embedding.native.build import library_path

# Of x86-64 and of AArch64.
PREFETCH = re.compile(r"\t(prefetch\w*|prfm)\b")
FUNCTION = re.compile(r"^[0-9a-f]+ <(.*)>:$")


@pytest.fixture(scope="module")
def prefetches(ops):
    """Returns how many prefetches each function of the library has."""
    objdump = shutil.which("objdump")
    if objdump is None:
        pytest.skip("there is no objdump")
    listing = subprocess.run(
        [objdump, "--disassemble", "--demangle", "--no-show-raw-insn", library_path()],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found, function = {}, ""
    for line in listing.splitlines():
        if named := FUNCTION.match(line):
            function = named[1]
        elif PREFETCH.search(line):
            found[function] = found.get(function, 0) + 1
    return found


def count(prefetches, *words):
    return sum(
        number
        for function, number in prefetches.items()
        if all(word in function for word in words)
    )


def test_update_prefetches_parameters_and_slots(prefetches):
    assert count(prefetches, "shardline::", "Update::") >= 2, prefetches


@pytest.mark.parametrize("instructions", ["baseline", "avx2", "avx512"])
def test_lookup_prefetches_rows_plain_and_quantized(prefetches, instructions):
    of_library = count(prefetches, "shardline::", "pool")
    assert of_library, prefetches
    if instructions != "baseline" and not count(prefetches, "avx2", "pool"):
        pytest.skip("there is one instruction set")
    assert count(prefetches, f"shardline::{instructions}::", "pool") >= 2, prefetches
