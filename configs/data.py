"""Where examples come from, and what is predicted of them."""

import datetime
import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shardline.configs.boundaries import fault_of
from shardline.configs.dialect import DEFAULT_DIALECT, Dialect, Text
from shardline.configs.features import Target
from shardline.configs.section import (
    Float,
    Fraction,
    ImportPath,
    Integer,
    Name,
    PositiveInt,
    Section,
)
from shardline.configs.shown import shown
from shardline.configs.side_files import Format, SideFiles
from shardline.configs.spans import Spans


class Download(Section):
    """A data package to fetch by the package client, named and hashed."""

    requirement: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.]+$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class HeldOut(Section):
    """Which examples of split `train` make another split instead."""

    # None: the whole row tells, of which `fraction` is drawn.
    column: str | None = None
    # The split takes those whose column holds this or more: a number, or a date or
    # other text, as `configs.boundaries` reads it.
    at_least: int | float | str | None = None
    # Or it takes this fraction of the values of the column, or of the rows, drawn by
    # their hash.
    fraction: Fraction | None = None
    # Another number draws others.
    seed: Integer = 0

    @field_validator("at_least", mode="before")
    @classmethod
    def _no_date(cls, value: Any) -> Any:
        if isinstance(value, datetime.date):
            raise PydanticCustomError("date", "put the date between quotes")
        if isinstance(value, bool):
            raise PydanticCustomError("truth", "give a number, or text between quotes")
        return value

    @field_validator("at_least")
    @classmethod
    def _is_boundary(cls, value: float | str | None) -> float | str | None:
        if fault := None if value is None else fault_of(value):
            raise PydanticCustomError("boundary", fault)
        return value

    @model_validator(mode="after")
    def _one_rule(self) -> "HeldOut":
        if (self.at_least is None) == (self.fraction is None):
            raise PydanticCustomError(
                "one_rule", "give exactly one of `at_least` and `fraction`"
            )
        if self.at_least is not None and self.column is None:
            raise PydanticCustomError(
                "column", "`at_least` is of a `column`; name it, or give `fraction`"
            )
        if self.at_least is not None and self.seed:
            raise PydanticCustomError("seed", "`seed` is for `fraction` alone")
        return self


class Files(Section):
    """Files of examples, read as the features say what their columns hold."""

    format: Format
    # How CSV is written; by default as Python's `csv` and UTF-8 have it.
    dialect: Dialect = DEFAULT_DIALECT
    # For each split a pattern of files, below the data's path, which may be a zip
    # archive.
    splits: dict[Name, str]
    # Further splits, taken out of `train`. The first that takes an example has it.
    held_out: dict[Name, HeldOut] = Field(default_factory=dict)
    # Files whose rows are joined to the examples, by a name of your own.
    join: dict[Name, SideFiles] = Field(default_factory=dict)
    # Numbers that words in the label's column stand for, such as `{"yes": 1, "no": 0}`;
    # numbers that are no words stay.
    label_words: dict[Text, Float] = Field(default_factory=dict)
    # Labels from this value on become 1, others 0. None: the column holds 0 and 1.
    positive_from: Float | None = None
    # What stands between the values of a ragged column in a cell of CSV.
    list_separator: str = "|"
    # Whether blanks around strings in such a cell are cut off; around numbers they are.
    list_strip: bool = True
    # Whether a bad example ends the run, or is skipped, counted and reported.
    on_bad_example: Literal["error", "skip"] = "error"
    # Whether a file that is bad as a whole ends the run, or is skipped and named.
    on_bad_file: Literal["error", "skip"] = "error"
    # The run ends if a larger share of a split's examples than this would be left out.
    # A single example does not end it.
    max_bad_share: Fraction = 0.01
    # An example with more values than this in a column is bad.
    max_values: PositiveInt = 100_000

    @field_validator("list_separator")
    @classmethod
    def _separates(cls, value: str) -> str:
        if not value:
            raise PydanticCustomError(
                "separator", "is empty; give the characters between values, such as ','"
            )
        if {'"', "\n", "\r"} & set(value):
            raise PydanticCustomError(
                "separator",
                "holds a quote or a line break, which mean other things in CSV; give "
                "other characters, such as '|'",
            )
        return value

    @field_validator("label_words")
    @classmethod
    def _are_words(cls, value: dict[str, float]) -> dict[str, float]:
        for word in value:
            if not word or word != word.strip():
                raise PydanticCustomError(
                    "word",
                    "has a word with blanks around or nothing in it, and blanks around "
                    "labels are cut off; write it without",
                )
        return value

    @model_validator(mode="after")
    def _labels_fit(self) -> "Files":
        for word, number in self.label_words.items():
            if self.positive_from is None and number not in (0, 1):
                raise PydanticCustomError(
                    "label_words",
                    "`label_words` gives {number} for `{word}`, expected 0 or 1; or "
                    "give `positive_from`, from which on a label is 1",
                    {"number": f"{number:g}", "word": shown(word)},
                )
        return self

    @model_validator(mode="after")
    def _label_words_differ(self) -> "Files":
        first: dict[str, str] = {}
        point = rf"[.{re.escape(self.dialect.decimal)}]"
        for word, number in self.label_words.items():
            is_decimal = re.fullmatch(rf"[+-]?[0-9]+{point}[0-9]*", word)
            plain = re.sub(rf"{point}?0*$", "", word) if is_decimal else word
            other = first.setdefault(plain, word)
            if self.label_words[other] != number:
                raise PydanticCustomError(
                    "label_words",
                    "`label_words` gives two numbers for `{other}` and `{word}`, which "
                    "are one number in a label; give one of them",
                    {"other": shown(other), "word": shown(word)},
                )
        return self

    @model_validator(mode="after")
    def _splits_fit(self) -> "Files":
        if "train" not in self.splits:
            raise PydanticCustomError("no_train", "`splits` must name `train`")
        for key, default in (
            ("list_separator", "|"),
            ("list_strip", True),
            ("dialect", DEFAULT_DIALECT),
        ):
            if self.format != "csv" and getattr(self, key) != default:
                raise PydanticCustomError("csv", f"`{key}` is for CSV alone")
        twice = sorted(set(self.splits) & set(self.held_out))
        if twice:
            raise PydanticCustomError(
                "twice", f"`{twice[0]}` is in `splits` and in `held_out`"
            )
        return self


class Data(Target):
    """Where examples come from."""

    # Exactly one of the two: files, or a class like
    # `components.readers.example_reader.ExampleReader`, which takes `options`.
    files: Files | None = None
    reader: ImportPath | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    # Exactly one of the two: a file or folder, or a data package to fetch.
    path: str | None = None
    download: Download | None = None
    # How the data comes in spans; None: it is there as a whole.
    spans: Spans | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Data":
        for names in (("files", "reader"), ("path", "download")):
            if [getattr(self, name) for name in names].count(None) != 1:
                raise PydanticCustomError(
                    "one_source", f"give exactly one of `{names[0]}` and `{names[1]}`"
                )
        if self.files and self.options:
            raise PydanticCustomError("options", "`options` are for a `reader` alone")
        return self

    @property
    def target(self) -> Target:
        """What to predict, without where the examples come from."""
        return Target(**self.model_dump(include=set(Target.model_fields)))
