"""Files of examples as Arrow batches: TFRecord, CSV and Parquet, good rows and bad.

`match` finds files, `units` shares them out to workers, `read_unit` reads one share,
`BadInput` tells what was bad, and `refuse` judges by the sums of a `Tally`.
`beam_reader.FileReader`, which imports Beam, does all that as an ExampleReader.
"""

from shardline.components.readers.files.bad_input import BadInput, BadInputError
from shardline.components.readers.files.locations import match
from shardline.components.readers.files.read_rules import (
    ReadRules,
    reader_of,
    rules_of,
    tfrecord_rules,
)
from shardline.components.readers.files.refusals import LostRowsError, refuse
from shardline.components.readers.files.splits.sampled import why_empty
from shardline.components.readers.files.tally import Tally
from shardline.components.readers.files.unit_reader import read_unit
from shardline.components.readers.files.units import Unit, units

__all__ = [
    "BadInput",
    "BadInputError",
    "LostRowsError",
    "ReadRules",
    "Tally",
    "Unit",
    "match",
    "read_unit",
    "reader_of",
    "refuse",
    "rules_of",
    "tfrecord_rules",
    "units",
    "why_empty",
]
