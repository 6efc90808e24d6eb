"""Values come back from YAML as they went in."""

import random
import sys
import unicodedata

import pytest
import yaml

from shardline.configs.yaml_text import as_yaml


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("user_id", "user_id"),
        ("yes", '"yes"'),
        ("1", '"1"'),
        ("\t", r'"\t"'),
        ("\x01", r'"\x01"'),
        ("\\N", r'"\\N"'),
        ({"delimiter": "\t", "header": ["a", "b c"]},
         r'{delimiter: "\t", header: [a, "b c"]}'),
        ({"yes": 1, "no": 0.5}, '{"yes": 1, "no": 0.5}'),
        (True, "true"),
    ],
)  # fmt: skip
def test_value_is_written_plainly(value: object, text: str) -> None:
    assert as_yaml(value) == text
    assert yaml.safe_load(text) == value


def test_any_text_is_read_back() -> None:
    draw = random.Random(3)
    chars = [chr(code) for code in range(sys.maxunicode + 1)
             if unicodedata.category(chr(code)) not in ("Cs", "Cn", "Co")]  # fmt: skip
    for _ in range(500):
        value = "".join(draw.choices([*chars[:300], *draw.sample(chars, 99)], k=20))
        assert yaml.safe_load(f"{{{as_yaml(value)}: [{as_yaml(value)}]}}") == {
            value: [value]
        }
