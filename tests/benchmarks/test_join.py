import pandas as pd
import pytest

from benchmarks.join.programs.arrow_join import joined
from benchmarks.join.programs.pandas_merge import merged
from benchmarks.join.programs.reading import read
from benchmarks.join.sections import SECTIONS
from benchmarks.join.workload import WIDE, Sizes, write_files
from benchmarks.serving.session import Outcome


def said(wall_s, peak_bytes=2**30):
    return {"cpu_s": 2 * wall_s, "wall_s": wall_s, "peak_bytes": peak_bytes}


def rows_of(frame):
    """All rows, in the order of their values."""
    plain = frame.astype(object).where(frame.notna(), "")
    return sorted(plain[sorted(plain)].itertuples(index=False, name=None), key=repr)


def test_ratios_are_of_programs_in_the_same_round():
    reading = {
        "joined": [said(4, 3 * 2**29), said(8)],
        "plain": [said(1), said(2)],
        "wide": [said(2), said(4)],
        "pandas": [said(8), said(16)],
        "arrow": [said(3), said(6)],
    }
    preprocessing = {"joined": reading["joined"], "plain": reading["plain"]}
    found = {"sizes": {"rows": 1000, "items": 10}, "reading": reading}
    outcome = Outcome({}, found | {"preprocessing": preprocessing}, {})

    bars = {name: one.bars(outcome) for name, one in SECTIONS.items()}

    assert [bar.value for bar in bars["reading"]] == pytest.approx([0.5, 1.5])
    assert [bar.value for bar in bars["preprocessing"]] == pytest.approx([0.25, 1.5])
    assert [bar.holds for bar in bars["preprocessing"]] == [False, True]
    table = SECTIONS["reading"].table(outcome)
    assert (
        "| `pandas.read_csv` and `merge` | 94 | 2.00 x | 24.0 s | 1.00 GiB |" in table
    )


def test_programs_join_the_same_rows(tmp_path):
    """Of each item that is there; one row in a hundred has another."""
    write_files(tmp_path, Sizes(3000, 200))

    wide = pd.read_csv(tmp_path / WIDE)
    assert 0 < wide.brand.isna().sum() < 100
    assert rows_of(merged(tmp_path)) == rows_of(wide)
    assert rows_of(joined(tmp_path).to_pandas()) == rows_of(wide)
    for name in ("plain", "joined", "wide"):
        assert read(tmp_path / f"{name}.yaml") == 3000
