"""Writes a set anew as a full one: its chain folded in, its rows rounded if asked to.

Rows as float16 or int8 are for an archive, and are made by nothing but an export. Slots
stay float32, for optimizers do not bear the rounding: the small sums of squares of a
seldom row would become 0.
"""


class ExportError(ValueError):
    """A set that cannot be exported as it was asked for."""
