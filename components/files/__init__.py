"""Files of examples as Arrow batches: TFRecord, CSV and Parquet, good rows and bad.

`match` finds files, `units` shares them out to workers, `read_unit` reads one share,
`BadInput` tells what was bad, and `refuse` judges by the sums of a `Tally`.
`beam_reader.FileReader`, which imports Beam, does all that as an ExampleReader.
"""

from components.files.bad_input import BadInput, BadInputError
from components.files.places import match
from components.files.reading import read_unit
from components.files.refusals import LostRowsError, refuse
from components.files.rules import ReadRules, reader_of, rules_of, tfrecord_rules
from components.files.shares import Unit, units
from components.files.split_sample import why_empty
from components.files.tally import Tally

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
