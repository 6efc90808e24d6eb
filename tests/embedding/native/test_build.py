"""What the library of the kernels is called, and when it is whole."""

import pytest

from shardline.embedding.native import build


def test_name_follows_from_sources_and_sanitizers(monkeypatch):
    monkeypatch.delenv(build.SANITIZERS, raising=False)
    plain = build.library_path()
    assert plain == build.library_path()
    assert plain.name == f"kernels-{build.digest_of(plain)}.so"
    monkeypatch.setenv(build.SANITIZERS, "address")
    sanitized = build.library_path()
    assert sanitized.parent.name == "sanitized"
    assert build.digest_of(sanitized) != build.digest_of(plain)


def test_every_source_is_compiled_or_included():
    compiled = {*build._OPS, *build._CORE, build._LOOPS}
    assert compiled == {path.name for path in build.SOURCES.glob("*.cc")}


def test_library_is_whole_only_beside_its_own_digest(tmp_path):
    library = tmp_path / "kernels-0.so"
    assert not build.is_whole(library)
    library.write_bytes(b"content")
    assert not build.is_whole(library)
    build._content_file(library).write_text(build._content_of(library))
    assert build.is_whole(library)
    library.write_bytes(b"conten")
    assert not build.is_whole(library)


def test_no_compiler_is_said_in_words(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "library_path", lambda: tmp_path / "kernels-0.so")
    monkeypatch.setattr(build, "compiler", lambda: None)
    with pytest.raises(build.BuildError, match=r"No C\+\+ compiler: install g\+\+"):
        build.build()


def test_failing_command_is_shown_with_its_output():
    with pytest.raises(build.BuildError, match=r"false|went wrong"):
        build._run(["sh", "-c", "echo went wrong; exit 3"])
