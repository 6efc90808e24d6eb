"""Training speed beside rivals, measured in one run.

    sections.py       what is measured beside what, and the bars
    workload.py       tables and ids of the headline, wide and growth sections
    click_model.py    sizes of the DLRM of the clicks section
    click_records.py  its files
    programs/         what is measured: ours and the rivals', a process each
    program.py        a program's side of the conversation
    session.py        the measuring side of it
    report.py         table, JSON, docs/benchmarks.md (page.md, remarks.md); plot.py

Run by `make bench-engine`; see `__main__.py`.
"""
