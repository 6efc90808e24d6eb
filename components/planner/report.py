"""A capacity plan: what was found, as frozen objects that go to JSON and back."""

from pydantic import Field

from shardline.configs.schema import Section


class Limits(Section):
    """What one SparseCore must take from a batch for one partition of a table.

    A batch's rows are shared out evenly to the cores; a partition is the ids with the
    same remainder by the number of cores. Both are the most that was seen.

    Attributes:
        max_ids_per_partition: ids; one that a row has several times in a pooled
            feature counts once.
        max_unique_ids_per_partition: ids that differ.
    """

    max_ids_per_partition: int
    max_unique_ids_per_partition: int


class TablePlan(Section):
    """One table.

    Attributes:
        features: the features that look it up.
        ids: how its tokens become ids.
        dim: the dim of its rows.
        lookups: how often it is looked up in one pass over the training examples.
        distinct: how many tokens are looked up.
        vocabulary: how many tokens are in its vocabulary, or rows for them if it lives;
            None if it has none.
        hot_ids: the fewest ids that cover 80 % of the lookups.
        top_10: the share of lookups of the ten most frequent ids.
        out_of_vocabulary: the share of lookups of tokens outside the vocabulary, or of
            ids out of range; None where neither can be.
        colliding: the share of distinct tokens that share their row with another
            token; None for quantiles, which are made to.
        needed_rows: rows that its ids need.
        rows: rows that it will have.
        row_bytes: of its rows, float32.
        total_bytes: with its optimizer's slots.
        host_shares: the share of lookups of each host.
        limits: the limits of a SparseCore.
        frequencies: (rank, lookups) of some ids, the most frequent has rank 1.
    """

    features: list[str]
    ids: str
    dim: int
    lookups: int
    distinct: int
    vocabulary: int | None = None
    hot_ids: int
    top_10: float
    out_of_vocabulary: float | None = None
    colliding: float | None = None
    needed_rows: int
    rows: int
    row_bytes: int
    total_bytes: int
    host_shares: list[float]
    limits: Limits
    frequencies: list[tuple[int, int]] = Field(default_factory=list)

    @property
    def imbalance(self) -> float:
        """Lookups of the busiest host over the mean of all hosts: 1 is even."""
        return max(self.host_shares) * len(self.host_shares)


class FeatureIds(Section):
    """How many ids a row has in one feature.

    Attributes:
        table: the table that it looks up.
        percentiles: of ids a row as they are in the data, 0 to 100: 101 numbers.
        mean: the mean of the same.
        cut_off: the share of ids that `max_sequence_length` cuts off.
        max_sequence_length: of a sequence; None for features that are pooled.
    """

    table: str
    percentiles: list[int]
    mean: float
    cut_off: float = 0.0
    max_sequence_length: int | None = None

    @property
    def is_always_one(self) -> bool:
        """Whether every row has one id."""
        return self.percentiles[0] == self.percentiles[100] == 1

    @property
    def p50(self) -> int:
        """The median."""
        return self.percentiles[50]

    @property
    def p99(self) -> int:
        """What one row in a hundred exceeds."""
        return self.percentiles[99]

    @property
    def most(self) -> int:
        """The largest number."""
        return self.percentiles[100]


class Plan(Section):
    """All tables and features.

    Attributes:
        name: the name of the run.
        examples: read, of split "train".
        hosts: the hosts that rows are split over.
        batch_size: the batch size of the batches that limits are for.
        sparse_cores: the sparse cores that share a batch and the ids.
        sampled_examples: the sampled examples that limits are from.
        sampled_batches: made of them.
        tables: the tables by name.
        features: the features by name.
        labels: what the labels of splits leave undefined or make impossible, in words.
    """

    name: str
    examples: int
    hosts: int
    batch_size: int
    sparse_cores: int
    sampled_examples: int
    sampled_batches: int
    tables: dict[str, TablePlan]
    features: dict[str, FeatureIds]
    labels: list[str] = Field(default_factory=list)

    @property
    def row_bytes(self) -> int:
        """The bytes of the rows of all tables."""
        return sum(table.row_bytes for table in self.tables.values())

    @property
    def total_bytes(self) -> int:
        """The bytes of all tables, slots included."""
        return sum(table.total_bytes for table in self.tables.values())

    @property
    def host_shares(self) -> list[float]:
        """The share of each host of the lookups of all tables."""
        lookups = [0.0] * self.hosts
        for table in self.tables.values():
            for host, share in enumerate(table.host_shares):
                lookups[host] += share * table.lookups
        total = sum(lookups) or 1.0
        return [some / total for some in lookups]
