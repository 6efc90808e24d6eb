"""What runs where, and what breaks first, for a plan's tables and so many rows a day.

Nothing is run: what one unit costs was measured (`unit_costs.json`, which
`make bench-scale` writes), and is multiplied. `docs/scale.md` says what is assumed.

    planned.py      the plan: tables and features, as far as they are needed
    unit_costs.py   what one unit costs
    workload.py     plan and demand together: rows, ids and bytes of a span and a step
    skew.py         how many rows so many lookups touch
    quantities.py   a quantity, and its text
    needs.py        what quantities and limits are both made of: a step, a span in turn
    estimate.py     all quantities, by what runs
    limits.py       what a machine or a day cannot take, the first to break first
"""
