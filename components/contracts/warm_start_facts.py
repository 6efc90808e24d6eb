"""What a training took from the checkpoint that it went on from."""

from pydantic import Field

from shardline.configs.section import Section


class DenseVariable(Section):
    """A variable of the dense model or its optimizer in a checkpoint.

    Attributes:
        name: the same in every process, such as `model/dlrm/dense/kernel` or
            `optimizer/dlrm/dense/kernel/momentum`.
        shape: its shape.
        dtype: of its values.
        key: under which the checkpoint has it, such as `model/3`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    key: str


class TableFacts(Section):
    """What became of the rows of a table.

    Attributes:
        kept: rows that moved from the checkpoint with their slots; rows of unknown
            tokens among them.
        admitted: tokens that have a row now, and had none.
        evicted: tokens that had a row, and have none.
        new_columns: by how much the table was widened.
        fresh: why the table, or a part of it, begins anew; "" if it does not.
    """

    kept: int = 0
    admitted: int = 0
    evicted: int = 0
    new_columns: int = 0
    fresh: str = ""

    def __str__(self) -> str:
        """Returns it for people."""
        parts = [f"{self.kept:,} rows kept"] if self.kept else []
        parts += [f"{self.admitted:,} tokens admitted"] if self.admitted else []
        parts += [f"{self.evicted:,} evicted"] if self.evicted else []
        parts += [f"widened by {self.new_columns}"] if self.new_columns else []
        parts += [self.fresh] if self.fresh else []
        return ", ".join(parts) or "begins anew"


class WarmStartFacts(Section):
    """How a training began with a checkpoint.

    Attributes:
        checkpoint: folder of the checkpoint.
        steps: training steps behind it.
        spans: what it had learnt, as lineage names it.
        tables: by table of the training.
        left: tables of the checkpoint that the training does not have.
        dense_taken: how many variables of the dense model and its optimizer.
        dense_not_taken: by name, why a variable begins anew, or is left behind.
    """

    checkpoint: str
    steps: int
    spans: tuple[str, ...] = ()
    tables: dict[str, TableFacts]
    left: tuple[str, ...] = ()
    dense_taken: int
    dense_not_taken: dict[str, str] = Field(default_factory=dict)
