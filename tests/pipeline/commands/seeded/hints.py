"""What is odd in a configuration or its data, and yet no fault."""

from pathlib import Path
from typing import Any

from shardline_tests import load

examples = load(Path(__file__).with_name("examples.py"))
ROWS = examples.ROWS

# Changes of the configuration, changes of the data, and of the hint its line, who it is
# about, and a part of what it says.
HINTS: dict[str, tuple[Any, Any, int, str, str]] = {
    "sequences are cut": (
        {"max_sequence_length: 3": "max_sequence_length: 2"},
        {},
        14,
        "feature `recent`",
        "32% of the sampled examples have more than 2 values",
    ),
    "lists of one": (
        {"combiner: mean, weights: scores": "combiner: mean, column: day_name"},
        {"day_name": ["mon", "tue"] * (ROWS // 2)},
        13,
        "feature `tags`",
        "no sampled example has more than one value in column `day_name`",
    ),
    "column of one value": (
        {},
        {"times": [1.0] * ROWS},
        9,
        "example_weight",
        "column `times` is '1.0' in all sampled examples",
    ),
    "labels of one value": (
        {"  path:": "    positive_from: 3\n  path:"},
        {},
        9,
        "label",
        "all sampled labels become 0 by `positive_from: 3`",
    ),
    "vocabulary is cut": (
        {"max_tokens: 100": "max_tokens: 3"},
        {},
        22,
        "table `user`",
        "the sample alone has 13 tokens for `max_tokens: 3`",
    ),
    "few hash buckets": (
        {"{hash_buckets: 9}": "{hash_buckets: 2}"},
        {},
        25,
        "table `shop`",
        "the sample alone has 4 distinct tokens for `hash_buckets: 2`",
    ),
    "many quantiles": (
        {"quantile_buckets: 4": "quantile_buckets: 50"},
        {},
        27,
        "table `band`",
        "the sample has 40 distinct values for `quantile_buckets: 50`",
    ),
    "separators in a single value": (
        {},
        {"shop_name": [f"a|{i}" for i in range(ROWS)]},
        16,
        "feature `pair`",
        "most cells of column `shop_name` hold `|`",
    ),
}
