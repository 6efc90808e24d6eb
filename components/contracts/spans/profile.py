"""What a span is like, in numbers that can be compared with those of other spans."""

from pydantic import Field

from shardline.configs.section import Section


class ColumnProfile(Section):
    """What a column of a span is like.

    Attributes:
        filled: the share of examples that have a value there.
        values: the mean number of values of an example.
        distinct: about how many different values it has; None for floats.
    """

    filled: float
    values: float
    distinct: int | None = None


class SpanProfile(Section):
    """What a span is like, found when it was read.

    Attributes:
        examples: how many there are.
        content: digest of the examples, whatever their order: two spans of equal
            content are one span twice.
        label_mean: the weighted mean of the label.
        columns: by raw column.
        earliest: the smallest value of the time column, seconds since 1970.
        latest: the largest.
    """

    examples: int
    content: str
    label_mean: float | None = None
    columns: dict[str, ColumnProfile] = Field(default_factory=dict)
    earliest: float | None = None
    latest: float | None = None
