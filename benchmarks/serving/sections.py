"""What is measured: a section a module, in this order."""

from benchmarks.serving import (
    clients,
    delta,
    demo,
    hostile,
    kills,
    large,
    latency,
    load,
)

SECTIONS = {
    "latency": latency.SECTION,
    "clients": clients.SECTION,
    "load": load.SECTION,
    "hostile": hostile.SECTION,
    "delta": delta.SECTION,
    "kills": kills.SECTION,
    "large": large.SECTION,
    "demo": demo.SECTION,
}
