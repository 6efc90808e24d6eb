"""What is measured: a section a module, in this order."""

from benchmarks.checkpoint import differential, minute, restoring, saving, tracking

SECTIONS = {
    "saving": saving.SECTION,
    "minute": minute.SECTION,
    "tracking": tracking.SECTION,
    "differential": differential.SECTION,
    "restoring": restoring.SECTION,
}
