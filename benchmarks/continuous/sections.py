"""What is measured: a section a module, in this order."""

from benchmarks.continuous import freshness, gates, months, vocabularies, warm

SECTIONS = {
    "months": months.SECTION,
    "freshness": freshness.SECTION,
    "vocabularies": vocabularies.SECTION,
    "warm": warm.SECTION,
    "gates": gates.SECTION,
}
