"""The analysis without Beam, for a sample of the examples."""

import os
from collections.abc import Iterable

import pyarrow as pa

from shardline.components.features.analysis.counts import TableCounts
from shardline.components.features.analysis.living import write_vocabulary_at_once
from shardline.components.features.analysis.statistics import FeatureStatistics
from shardline.components.features.analysis.summary import Summarizer, statistics_of
from shardline.configs.schema import Preprocessing


def analyze_batches(
    batches: Iterable[pa.RecordBatch], preprocessing: Preprocessing, folder: str
) -> FeatureStatistics:
    """Finds what preprocessing needs to know of some examples.

    Args:
        batches: the batches of raw columns.
        preprocessing: the features, numbers and tables to preprocess.
        folder: to write a file of tokens to for each table that has a vocabulary.
    """
    counts, summarizer = TableCounts(preprocessing), Summarizer(preprocessing)
    for batch in batches:
        counts.add(batch)
        summarizer.add(batch)
    shards: dict[str, dict[int, list[str]]] = {table: {} for table in counts.tables}
    for table, shard, data in counts.drain():
        file = os.path.join(folder, f"{table}-{shard}.counts")
        with open(file, "wb") as sink:
            sink.write(data)
        shards[table][shard] = [file]
    vocabularies = {
        table: write_vocabulary_at_once(folder, table, files, preprocessing)
        for table, files in shards.items()
    }
    return statistics_of(summarizer.drain(), vocabularies, preprocessing)
