"""What one unit of everything costs, from which `shardline scale` works out the rest.

    sections.py       what is measured, a section each: slopes between two sizes, so
                      that imports, starts and first calls are not in them
    workload.py       the sizes
    programs/         what is measured, a process each
    page.py           docs/scale.md (page.md), of the costs and of plan.json
    plan.json         the plan that the page is about: typed, 10^9 ids, 2 TB of tables

Run by `make bench-scale`; see `__main__.py`.
"""
