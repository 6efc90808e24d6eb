"""Changes of folders and files, one after another, each told in the report at once."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from shardline.components.eraser.report import Change, ErasureReport, Touched
from shardline.components.eraser.swap import exchange, staged
from shardline.components.eraser.text import Blackening
from shardline.components.pusher.files import files_below

Erase = Callable[[Path], Change]
# Is given a folder and the copy that is about to take its place.
Recorded = Callable[[Path, Path], None]


class Work:
    """What an erasure does to a run folder, or would do.

    Attributes:
        root: the run folder.
        is_dry_run: whether nothing is changed.
        report: what was done so far.
        removed: folders of artifacts that are gone.
    """

    def __init__(
        self,
        root: Path,
        report: ErasureReport,
        recorded: Recorded,
        say: Callable[[Touched], None],
    ):
        """Begins.

        Args:
            root: the run folder, which the caller holds.
            report: without anything done.
            recorded: is called before a changed folder takes its place.
            say: is told of everything that is done.
        """
        self.root = root
        self.report = report
        self.is_dry_run = report.dry_run
        self.removed: list[str] = []
        self._recorded, self._say = recorded, say
        self._renew()  # from now on it is known that an erasure began

    @property
    def has_changed(self) -> bool:
        """Whether something was found to erase, now or by an erasure that was cut."""
        return bool(self.report.touched) or self.report.resumed

    def change(
        self, folder: Path, erase: Erase, outcome: str = "rewritten", why: str = ""
    ) -> Change:
        """Changes a folder as a whole, if there is something to change.

        Args:
            folder: the folder.
            erase: changes a copy of it.
            outcome: what the report says.
            why: likewise.
        """
        with staged(folder) as copy:
            change = erase(copy)
            if change:
                files = _changed_files(folder, copy)
                if not self.is_dry_run:
                    self._recorded(folder, copy)
                    exchange(folder, copy)
                self.tell(
                    Touched.model_validate(
                        {
                            "path": self._name(folder),
                            "outcome": outcome,
                            "why": why,
                            "change": change,
                            "files": files,
                        }
                    )
                )
        return change

    def remove(self, path: Path, why: str) -> None:
        """Removes a file, or a folder with all that is in it.

        Args:
            path: may be gone already.
            why: what the report says.
        """
        if not path.exists() or str(path) in self.removed:
            return
        self.removed.append(str(path))
        if not self.is_dry_run:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        self.tell(Touched(path=self._name(path), outcome="deleted", why=why))

    def blacken(self, file: Path, blackening: Blackening) -> Change:
        """Blackens ids in a text file."""
        change = blackening.in_file(file, is_dry_run=self.is_dry_run)
        if change:
            self.tell(Touched(path=self._name(file), outcome="redacted", change=change))
        return change

    def tell(self, touched: Touched) -> None:
        """Adds to the report, which is on the disk before anything else is done."""
        path = touched.path.removeprefix(f"{self.root}/")
        touched = touched.model_copy(update={"path": path})
        every = (*self.report.touched, touched)
        self._renew(touched=every)
        self._say(touched)

    def became(self, digest: str, renewed: str) -> None:
        """Keeps what the digest of a checkpoint's index becomes, before it does."""
        every = {**self.report.checkpoints, digest: renewed}
        self._renew(checkpoints=every)

    def note(self, text: str) -> None:
        """Adds what a person must know, once."""
        if text not in self.report.notes:
            self._renew(notes=(*self.report.notes, text))

    def finish(self, left: list[str]) -> None:
        """Ends the report.

        Args:
            left: where something was found at the end.
        """
        self._renew(finished=True, left=tuple(left))

    def _renew(self, **said: object) -> None:
        self.report = self.report.model_copy(update=said)
        if not self.is_dry_run:
            self.report.save(self.root)

    def _name(self, path: Path) -> str:
        if path.is_relative_to(self.root):
            return path.relative_to(self.root).as_posix()
        return str(path)


def _changed_files(folder: Path, copy: Path) -> tuple[str, ...]:
    """Returns the files of a copy that are no links to those of the original."""
    before, after = set(files_below(folder)), set(files_below(copy))
    same = {
        path
        for path in before & after
        if os.path.samefile(folder / path, copy / path)
        or (folder / path).read_bytes() == (copy / path).read_bytes()
    }
    return tuple(sorted((before | after) - same))
