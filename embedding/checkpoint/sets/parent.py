"""The newest set of a training, and whether a differential one may build on it."""

from shardline.embedding.checkpoint.sets.compaction import MAX_DEPTH
from shardline.embedding.checkpoint.sets.folder import CheckpointSet, SetFolder
from shardline.embedding.tables.tracked_tables import TrackedTables


class Parent:
    """What the next set follows.

    Attributes:
        newest: the newest set; None: there is none.
        loads: how often the engine had been given values when the set was cut.
    """

    def __init__(self, folder: SetFolder, newest: CheckpointSet | None, loads: int):
        """Notes the chain of the set: of one that lies elsewhere, nothing.

        Args:
            folder: of the training.
            newest: its newest set.
            loads: `TrackedTables.loads` at its cut, or at its restore.
        """
        self.newest = newest
        self.loads = loads
        self._folder = folder
        self._chain = folder.names_of_chain(newest) if newest else []

    def may_have_child(self, engine: TrackedTables) -> bool:
        """Tells whether what was touched since can be saved without the rest.

        Args:
            engine: of the training.
        """
        if self.newest is None or self.newest.manifest.depth >= MAX_DEPTH:
            return False
        # Rows count as touched since the last cut, or since what was restored later.
        if engine.loads != self.loads:
            return False
        return bool(self._chain) and all(map(self._folder.is_good, self._chain))

    def leave_chain(self) -> None:
        """Has the next set build on none: the disk has lost a part of this one."""
        self._chain = []

    def check_is_newest(self) -> None:
        """Refuses to save beside the sets of another course of the training.

        Raises:
            ValueError: if there are sets of later steps.
        """
        step = self.newest.step if self.newest else -1
        later = [one.name for one in self._folder.sets() if one.step > step]
        if later:
            raise ValueError(
                f"{self._folder.path} holds sets of later steps than this training "
                f"begins at: {', '.join(later)}. Restore the newest one, or move "
                "them away, or train into another folder."
            )
