"""Where the sources and their tests are."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("configs", "embedding", "components", "pipeline")
MODULES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py")
)
TEST_MODULES = sorted((ROOT / "tests").rglob("*.py"))


def name_of(path: Path) -> str:
    """Returns the path of a module inside the repository."""
    return str(path.relative_to(ROOT))
