"""The cut of tables whose rows are tracked: it is written while training goes on."""

import contextlib
from collections.abc import Sequence

from shardline.embedding.checkpoint.sets.cut import Piece, write_no_rows
from shardline.embedding.host.row_trackers import RowTrackers


class NativeCut:
    """Implements `embedding.checkpoint.sets.cut.Cut`.

    Attributes:
        rows: by table, how many rows are to be stored.
        in_pause: False.
    """

    def __init__(
        self, trackers: Sequence[RowTrackers], differential: bool, spill_folder: str
    ):
        """Begins the cut on every host, between two updates.

        Args:
            trackers: of each host that holds rows, host 0 first.
            differential: whether to store only rows touched since the cut before.
            spill_folder: where rows are kept that do not fit into memory.

        Raises:
            tf.errors.FailedPreconditionError: if the cut before is not ended.
        """
        self._trackers = list(trackers)
        self.in_pause = False
        self.rows: dict[str, int] = {}
        for begun, host in enumerate(self._trackers):
            try:
                of_host = host.begin_cut(differential, spill_folder)
            except BaseException:
                for other in self._trackers[:begun]:
                    other.end_cut(False)
                raise
            for table, count in of_host.items():
                self.rows[table] = self.rows.get(table, 0) + count

    def write(self, host: int, path: str) -> list[Piece]:
        """Writes one host's rows, as `Cut.write`."""
        if host < len(self._trackers):
            return self._trackers[host].write(path)
        return write_no_rows(path)

    def end(self, succeeded: bool) -> None:
        """Ends the cut on every host, as `Cut.end`."""
        with contextlib.ExitStack() as ends:
            # The others are ended, too, if one is lost.
            for host in self._trackers:
                ends.callback(host.end_cut, succeeded)
