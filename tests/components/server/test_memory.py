"""Memory that is freed goes back to the system."""

import subprocess
import sys

PROGRAM = """
import resource
from shardline.components.server.memory import return_freed, return_unused

def resident_mb():
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return pages * resource.getpagesize() / 1e6

return_freed()
before = resident_mb()
class Owner: pass
owner = Owner()
owner.itself, owner.blocks = owner, [bytearray(b"x" * 1000) for _ in range(100_000)]
full = resident_mb()
del owner
return_unused()
print(full - before, resident_mb() - before)
"""


def test_unused_memory_is_given_back_even_of_objects_that_refer_to_themselves() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    taken_mb, kept_mb = map(float, done.stdout.split())
    assert taken_mb > 100
    assert kept_mb < 30
