"""What killed jobs have left among counts is removed; whole counts are kept."""

from pathlib import Path

from shardline.components.features.reading.spans import Span

HEX = "0123456789abcdef" * 2


def span_in(folder: Path, number: int) -> Span:
    kept = folder / f"counts-{number}{HEX[1:]}"
    return Span("day", (), str(kept), f"{kept}.{HEX}", is_counted=False)


def test_counts_of_a_killed_job_are_removed_by_the_next(tmp_path: Path) -> None:
    left, whole = tmp_path / f"counts-{HEX}.{HEX[::-1]}", tmp_path / f"counts-{HEX}"
    for folder in (left, whole):
        folder.mkdir()
        (folder / "item-1").touch()

    with span_in(tmp_path, 1).held():
        assert not left.exists()
        assert (whole / "item-1").exists()


def test_counts_that_are_being_written_are_kept(tmp_path: Path) -> None:
    first, second = span_in(tmp_path, 1), span_in(tmp_path, 2)
    with first.held():
        (Path(first.written) / "item-1").touch()
        with second.held():
            assert (Path(first.written) / "item-1").exists()

    assert list(tmp_path.iterdir()) == []


def test_counts_that_are_kept_stay(tmp_path: Path) -> None:
    span = span_in(tmp_path, 1)
    with span.held():
        (Path(span.written) / "item-1").touch()
        span.keep()

    assert (Path(span.kept) / "item-1").exists()
    assert list(tmp_path.iterdir()) == [Path(span.kept)]


def test_span_that_is_counted_makes_nothing(tmp_path: Path) -> None:
    kept = tmp_path / "counts-1"
    span = Span("day", (), str(kept), f"{kept}.{HEX}", is_counted=True)

    with span.held():
        assert list(tmp_path.iterdir()) == []
