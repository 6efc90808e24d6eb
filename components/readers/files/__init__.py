"""Files of examples as Arrow batches: TFRecord, CSV and Parquet, good rows and bad.

`match` finds files, `units_of` divides them into units of work, `read_unit` reads one,
`BadInput` tells what was bad, and `refuse` judges by the sums of a `Tally`.
`beam_reader.FileReader`, which imports Beam, does all that as an ExampleReader.
"""

from shardline.components.readers.files.judging.bad_input import BadInput, BadInputError
from shardline.components.readers.files.judging.refusals import LostRowsError, refuse
from shardline.components.readers.files.judging.tally import Tally
from shardline.components.readers.files.locations import match
from shardline.components.readers.files.read_settings import (
    ReadSettings,
    reader_of,
    settings_of,
    tfrecord_settings,
)
from shardline.components.readers.files.splits.sampled import why_empty
from shardline.components.readers.files.unit_reader import read_unit
from shardline.components.readers.files.units import Unit, units_of

__all__ = [
    "BadInput",
    "BadInputError",
    "LostRowsError",
    "ReadSettings",
    "Tally",
    "Unit",
    "match",
    "read_unit",
    "reader_of",
    "refuse",
    "settings_of",
    "tfrecord_settings",
    "units_of",
    "why_empty",
]
