"""What is preprocessed: the columns of both record sets, and their configuration.

`clicks` has the shape of Criteo's records: 26 single ids, a ragged one, 13 numbers to
z-score, and the number of the row, by which outputs are compared. `distinct` has one
ragged feature, no id of which comes twice.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

IDS = [f"id{k:02}" for k in range(26)]
RAGGED = "history"
ID_FEATURES = [*IDS, RAGGED]
NUMBERS = [f"number{k:02}" for k in range(13)]
ROW = "row"
LABEL = "label"
DISTINCT = "user"
IDS_OF_A_ROW = 20  # of the distinct records
PATTERN = "*.tfrecord.gz"
_DATA = Path("build/bench/preprocess-data")


class Records(NamedTuple):
    """A set of records, which is the same whenever it is made.

    Attributes:
        kind: the columns.
        rows: examples.
    """

    kind: Literal["clicks", "distinct"]
    rows: int

    @property
    def folder(self) -> Path:
        """Where its files are; another place when they are drawn another way."""
        drawn_by = Path(__file__).with_name("records.py").read_bytes()
        digest = hashlib.sha256(drawn_by).hexdigest()[:8]
        return _DATA / f"{self.kind}-{self.rows}-{digest}"


def configuration(records: Records) -> dict[str, Any]:
    """Returns the configuration of the job as a user would write it."""
    ids = {
        "clicks": {**{name: {} for name in IDS}, RAGGED: {"combiner": "mean"}},
        "distinct": {DISTINCT: {"combiner": "mean"}},
    }[records.kind]
    numbers = {
        "clicks": {
            **{name: {"scale": "z_score"} for name in NUMBERS},
            ROW: {"scale": "none"},
        },
        "distinct": {},
    }[records.kind]
    return {
        "name": records.kind,
        "data": {
            "files": {"format": "tfrecord", "splits": {"train": PATTERN}},
            "path": str(records.folder.resolve()),
            "label": LABEL,
        },
        "features": {name: {"table": name, **more} for name, more in ids.items()},
        "numbers": numbers,
        "tables": {name: {"dim": 16} for name in ids},
    }


def write_configuration(records: Records) -> Path:
    """Writes the configuration beside the records; returns the file."""
    path = records.folder.with_suffix(".yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(configuration(records), indent=2))  # JSON is YAML
    return path
