"""Which kernels serve: chosen, missing, broken, or not to be built."""

import logging

import pytest
import tensorflow as tf

from shardline.embedding.host.native_kernels import NativeKernels
from shardline.embedding.host.stock_kernels import StockKernels
from shardline.embedding.native import build as native_build
from shardline.embedding.native import library
from shardline.embedding.native.build import BuildError

pytestmark = pytest.mark.usefixtures("ops")


@pytest.fixture(autouse=True)
def caches(monkeypatch):
    """Makes each test find the library anew, and leaves nothing for the next."""
    monkeypatch.delenv(library.CHOICE, raising=False)
    cached = library.native_ops, library.say_once
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


@pytest.fixture
def missing(monkeypatch, tmp_path):
    """No library."""
    path = tmp_path / "kernels-0123.so"
    monkeypatch.setattr(library, "library_path", lambda: path)
    return path


@pytest.fixture
def sources(monkeypatch, tmp_path):
    """Sources and libraries of their own, none of them real."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "sort.cc").write_text("one")
    monkeypatch.setattr(native_build, "SOURCES", tmp_path / "src")
    monkeypatch.setattr(native_build, "_LIBRARIES", tmp_path / "build")
    return tmp_path / "src"


@pytest.fixture
def fake_compiler(monkeypatch, tmp_path):
    """Writes a compiler that runs a line of shell."""

    def write(line):
        path = tmp_path / "compiler"
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
        monkeypatch.setenv("CXX", str(path))

    return write


def kernels_of(engine):
    return type(engine._backend._kernels)


def trained(cases, engine):
    """Returns rows 1 and 2 after a step with a gradient of ones."""
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    engine.apply_gradients(cases.ones())
    return cases.parameters(engine)[[1, 2]]


@pytest.mark.parametrize("choice", [None, "", "native"])
def test_native_kernels_serve_where_they_are(cases, config, monkeypatch, choice):
    if choice is not None:
        monkeypatch.setenv(library.CHOICE, choice)
    assert kernels_of(cases.start(config, None)) is NativeKernels


def test_stock_ops_serve_where_they_are_chosen(cases, config, monkeypatch, caplog):
    monkeypatch.setenv(library.CHOICE, "stock")
    assert kernels_of(cases.start(config, None)) is StockKernels
    assert not caplog.records


def test_unknown_choice_is_refused(cases, config, monkeypatch):
    monkeypatch.setenv(library.CHOICE, "fast")
    with pytest.raises(ValueError, match=r"SHARDLINE_KERNELS.*native, stock.*'fast'"):
        cases.start(config, None)


@pytest.mark.usefixtures("missing")
def test_missing_library_leaves_it_to_stock_ops_and_says_so_once(cases, config, caplog):
    with caplog.at_level(logging.WARNING, "shardline.embedding.native.library"):
        engines = [cases.start(config, None) for _ in range(3)]
    assert {kernels_of(engine) for engine in engines} == {StockKernels}
    (record,) = caplog.records
    assert tf.version.VERSION in record.message
    assert "python -m shardline.embedding.native" in record.message


@pytest.mark.usefixtures("missing")
def test_missing_library_and_compiler_names_both_remedies(monkeypatch):
    monkeypatch.setattr(library, "compiler", lambda: None)
    assert "Install g++, then" in library.missing_reason()


@pytest.mark.usefixtures("missing")
def test_missing_library_that_is_asked_for_is_an_error(cases, config, monkeypatch):
    monkeypatch.setenv(library.CHOICE, "native")
    with pytest.raises(
        library.NativeKernelsMissing, match=r"python -m shardline.embedding"
    ):
        cases.start(config, None)


def test_broken_library_leaves_it_to_stock_ops_and_says_what_to_do(
    cases, config, missing, caplog
):
    missing.write_bytes(b"no library")
    with caplog.at_level(logging.WARNING, "shardline.embedding.native.library"):
        engine = cases.start(config, None)
    assert kernels_of(engine) is StockKernels
    (record,) = caplog.records
    assert str(missing) in record.message
    assert "Remove it and run `python -m shardline.embedding.native`" in record.message


def test_hosts_of_other_sources_leave_it_to_stock_ops(
    cases, config, missing, monkeypatch, caplog
):
    # The library that is loaded is not the one that these sources would give.
    ops = library.tf.load_op_library(str(native_build.library_path()))
    monkeypatch.setattr(library, "native_ops", lambda: ops)
    with caplog.at_level(logging.WARNING, "shardline.embedding.native.library"):
        engine = cases.start(config, None)
    assert kernels_of(engine) is StockKernels
    assert "others than this process" in caplog.text


def test_library_says_which_sources_it_is_of(ops):
    digest = ops.shardline_digest().numpy().decode()
    assert native_build.library_path().name == f"kernels-{digest}.so"
    assert library.runs_on("/CPU:0")


def test_digest_follows_the_sources(sources):
    first = native_build.library_path()
    assert native_build.library_path() == first
    (sources / "sort.cc").write_text("two")
    second = native_build.library_path()
    (sources / "sort.cc").rename(sources / "other.cc")
    assert len({first, second, native_build.library_path()}) == 3


def test_digest_follows_tensorflow_and_sanitizers(sources, monkeypatch):
    monkeypatch.delenv(native_build.SANITIZERS, raising=False)
    plain = native_build.library_path()
    monkeypatch.setenv(native_build.SANITIZERS, "address")
    sanitized = native_build.library_path()
    monkeypatch.delenv(native_build.SANITIZERS)
    monkeypatch.setattr(tf.version, "VERSION", "9.9.9")
    assert len({plain, sanitized, native_build.library_path()}) == 3
    assert sanitized.parent != plain.parent


@pytest.mark.usefixtures("sources")
def test_build_without_compiler_names_the_remedy(monkeypatch):
    monkeypatch.setattr(native_build, "compiler", lambda: None)
    with pytest.raises(BuildError, match=r"install g\+\+, or set CXX"):
        native_build.build()


def test_chosen_compiler_comes_first(fake_compiler, tmp_path, monkeypatch):
    fake_compiler("exit 0")
    assert native_build.compiler() == str(tmp_path / "compiler")
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX")
    assert native_build.compiler() is None


@pytest.mark.usefixtures("sources")
def test_failing_compiler_is_quoted_and_leaves_no_library(fake_compiler):
    fake_compiler("echo 'sort.cc:7: no such thing' >&2; exit 1")
    with pytest.raises(BuildError, match=r"(?s)compiler.*sort.cc:7: no such thing"):
        native_build.build()
    assert list(native_build.library_path().parent.iterdir()) == []


@pytest.mark.usefixtures("sources")
def test_build_removes_libraries_of_other_sources(fake_compiler):
    # Writes what follows -o.
    fake_compiler('while [ "$1" != -o ]; do shift; done; echo built > "$2"')
    library_path = native_build.library_path()
    library_path.parent.mkdir(parents=True)
    (library_path.parent / "kernels-old.so").touch()
    assert native_build.build() == library_path
    record = library_path.with_suffix(".sha256")
    assert set(library_path.parent.iterdir()) == {library_path, record}
    assert library_path.read_text() == "built\n"


@pytest.mark.usefixtures("sources")
def test_library_that_is_there_is_not_built_again(fake_compiler):
    fake_compiler('while [ "$1" != -o ]; do shift; done; echo built > "$2"')
    library_path = native_build.build()
    fake_compiler("exit 1")
    assert native_build.build() == library_path


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("content", ["", "buil", "Built\n", "built\n\n"])
def test_damaged_library_is_built_again(content, fake_compiler):
    fake_compiler('while [ "$1" != -o ]; do shift; done; echo built > "$2"')
    library_path = native_build.build()
    library_path.write_text(content)
    assert not native_build.is_whole(library_path)
    assert native_build.build().read_text() == "built\n"
    assert native_build.is_whole(library_path)


def test_damaged_library_is_not_loaded(missing):
    real = native_build.library_path()
    missing.write_bytes(real.read_bytes()[:-100])  # to load a cut one may end Python
    record = real.with_suffix(".sha256").read_text()
    missing.with_suffix(".sha256").write_text(record)
    assert library.missing_reason().startswith(f"{missing} is damaged: ")


@pytest.mark.usefixtures("missing")
def test_stock_ops_train_where_the_library_is_missing(cases, config):
    engine = cases.start(config, tf.tpu.experimental.embedding.SGD(0.5))
    assert trained(cases, engine) == pytest.approx(cases.values()[[1, 2]] - 0.5)
