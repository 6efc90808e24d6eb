"""Continuous training, measured: quality, freshness, vocabularies, rows that move.

    sections.py       what is measured: months.py, freshness.py, ..., a section each
    stream.py         MovieLens in the order of time; living_model.py, what learns it
    world.py          made-up months with faults; trials.py, what the gates say to them
    programs/         what is measured, a process each
    session.py        how programs run
    report.py         table, JSON, docs/benchmarks-continuous.md (page.md, remarks.md)
    plot.py           its picture

Run by `make bench-continuous`; see `__main__.py`.
"""
