"""What a scheduler writes down, also where the disk is full for a while."""

from collections.abc import Callable

from shardline.pipeline.schedule.folder import ScheduleFolder, SchedulerState
from shardline.pipeline.schedule.start import PastRun


class Journal:
    """The state and the history of a scheduler.

    What cannot be written is kept and tried again; a scheduler goes on meanwhile, but
    starts no run that is not on disk.

    Attributes:
        state: how far the scheduler has come.
    """

    def __init__(
        self,
        folder: ScheduleFolder,
        state: SchedulerState,
        say: Callable[[str], None],
    ):
        """Begins with a state.

        Args:
            folder: where to write.
            state: as it is on disk, or will be.
            say: tells people.
        """
        self.state = state
        self._folder, self._say = folder, say
        self._is_saved = False
        self._runs: list[PastRun] = []
        self._kept = 1
        self._trouble = ""

    def change(self, state: SchedulerState) -> None:
        """Sets the state, and writes it now or as soon as that can be."""
        self.state, self._is_saved = state, False
        self.write()

    def change_at_once(self, state: SchedulerState) -> bool:
        """Sets the state if it can be written now, and tells whether it could."""
        before = self.state, self._is_saved
        self.change(state)
        if self._is_saved:
            return True
        self.state, self._is_saved = before
        return False

    def add(self, run: PastRun, *, kept: int) -> None:
        """Adds a run to the history, now or as soon as it can be written.

        Args:
            run: that came to an end.
            kept: how many runs the history keeps.
        """
        self._runs.append(run)
        self._kept = kept
        self.write()

    def write(self) -> None:
        """Writes what is not written yet, the history first."""
        if self._is_saved and not self._runs:
            return
        try:
            if self._runs:
                self._folder.add_to_history(self._runs, kept=self._kept)
                self._runs.clear()
            if not self._is_saved:
                self._folder.save(self.state)
                self._is_saved = True
        except OSError as error:
            trouble = f"{self._folder.path} cannot be written: {error.strerror}"
            if trouble != self._trouble:
                self._say(f"{trouble}. Nothing is started until it can")
            self._trouble = trouble
        else:
            if self._trouble:
                self._say(f"{self._folder.path} can be written again")
            self._trouble = ""
