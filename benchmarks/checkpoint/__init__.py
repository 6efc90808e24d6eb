"""Checkpoint sets beside the disk, `tf.train.Checkpoint` and Orbax, in one run.

    sections.py       what is measured: save.py, minute.py, ..., a section each
    workload.py       tables and ids
    disk.py           what the disk can do; memory.py, what a process holds
    programs/         what is measured, a process each
    session.py        how programs run
    report.py         table, JSON, docs/benchmarks-checkpoint.md (page.md, remarks.md)
    plot.py           its picture

Run by `make bench-checkpoint`; see `__main__.py`.
"""
