"""The modules that a module may import, found by reading sources and running none.

Import statements count wherever they stand, also in functions. So does a string that is
the name of a module, which is how a program is named that runs in another process. What
stands below `if TYPE_CHECKING:` is never run, and does not count.
"""

import ast
import functools
import importlib.util
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

PROJECT = __name__.partition(".")[0]


class _Source(NamedTuple):
    """Where a module is defined.

    Attributes:
        file: its source; None for a namespace package, which has none.
        folders: where a package's modules lie; nothing for a plain module.
    """

    file: Path | None
    folders: tuple[Path, ...]


def import_closure(entry: str, *named: str) -> Mapping[str, Path]:
    """Returns all modules that code may import: this project's and the user's.

    The user's are the modules in the top-level packages of `named`, and those that lie
    beside these packages. Imports of installed libraries are not followed.

    Args:
        entry: a module.
        named: more modules, which the code imports by names in its parameters.

    Returns:
        By the names of modules, their source files. A package that a module lies in is
        among them, for importing the module runs it.

    Raises:
        ValueError: if one of the modules has no source file.
    """
    pending = [entry, *named]
    projects = _Projects({PROJECT, *(module.partition(".")[0] for module in pending)})
    files: dict[str, Path] = {}
    seen: set[str] = set()
    for module in pending:
        source = projects.source(module)
        if source is None or source.file is None:
            raise ValueError(
                f"Module `{module}` has no source file to make a digest of."
            )
    while pending:
        module = pending.pop()
        source = projects.source(module)
        if module in seen or source is None:
            continue
        seen.add(module)
        if parent := module.rpartition(".")[0]:
            pending.append(parent)
        if source.file is not None:
            files[module] = source.file
            package = module if source.folders else parent
            pending += _imports(source.file.read_bytes(), package)
    return files


class _Projects:
    """Finds the sources of modules that are not of libraries."""

    def __init__(self, packages: Iterable[str]):
        """Takes the names of top-level packages or modules."""
        self._packages = set(packages)
        libraries = {Path(path).resolve() for path in sysconfig.get_paths().values()}
        self._user_folders = {
            folder
            for package in self._packages - {PROJECT}
            for folder in _folders_of_top_level(package)
            if folder.resolve() not in libraries
        }
        self._sources: dict[str, _Source | None] = {}

    def source(self, module: str) -> _Source | None:
        """Returns where a module is defined; None if it is no project's."""
        if module not in self._sources:
            self._sources[module] = self._find(module)
        return self._sources[module]

    def _find(self, module: str) -> _Source | None:
        parent, _, name = module.rpartition(".")
        if parent:
            package = self.source(parent)
            return _module_in(package.folders, name) if package else None
        if name in self._packages:
            return _top_level(name)
        return _module_in(self._user_folders, name)


def _top_level(name: str) -> _Source | None:
    spec = importlib.util.find_spec(name)
    if spec is None:
        return None
    folders = tuple(Path(path) for path in spec.submodule_search_locations or ())
    if spec.has_location and spec.origin and spec.origin.endswith(".py"):
        return _Source(Path(spec.origin), folders)
    return _Source(None, folders)


def _folders_of_top_level(name: str) -> Iterator[Path]:
    """Yields the folders that a top-level package or module lies in."""
    source = _top_level(name)
    if source is None:
        return
    if source.folders:
        yield from (folder.parent for folder in source.folders)
    elif source.file is not None:
        yield source.file.parent


def _module_in(folders: Iterable[Path], name: str) -> _Source | None:
    """Returns where a module in one of some folders is defined."""
    namespace = []
    for folder in folders:
        package = folder / name / "__init__.py"
        if package.is_file():
            return _Source(package, (package.parent,))
        module = folder / f"{name}.py"
        if module.is_file():
            return _Source(module, ())
        if package.parent.is_dir():
            namespace.append(package.parent)
    return _Source(None, tuple(namespace)) if namespace else None


@functools.cache
def _imports(source: bytes, package: str) -> tuple[str, ...]:
    """Returns names that may be those of modules that a source imports.

    Args:
        source: the source of a module.
        package: the package that it is or lies in, where its relative imports start.
    """
    return tuple(sorted({*_names(ast.parse(source), package)}))


def _names(node: ast.AST, package: str) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            base = importlib.util.resolve_name("." * level + (module or ""), package)
            yield base
            # A name may be that of a module in the package.
            yield from (f"{base}.{alias.name}" for alias in names)
        case ast.Constant(value=str(text)) if text.startswith(f"{PROJECT}."):
            yield text
        case ast.If(test=test, orelse=orelse) if _is_type_checking(test):
            for statement in orelse:
                yield from _names(statement, package)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _names(child, package)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
