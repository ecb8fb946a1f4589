"""Atomic writes: the new file whole, or the old one untouched, and nothing else left behind."""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from effsearch.records import atomic

posix = pytest.mark.skipif(os.name == "nt", reason="permission bits and links as POSIX has them")


def test_writes_text_and_bytes_as_they_are(tmp_path: Path) -> None:
    atomic.write_text(tmp_path / "a.txt", "é\r\n\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa9\r\n\n"
    atomic.write_bytes(str(tmp_path / "a.txt"), b"\0")
    assert (tmp_path / "a.txt").read_bytes() == b"\0"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_failure_leaves_the_old_file(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")

    def write_half() -> None:
        with atomic.replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise failure

    with pytest.raises(failure):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_failure_to_write_leaves_the_old_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "a.txt"
    path.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # as a full disk would
    try:
        with pytest.raises(OSError, match="File too large"):
            atomic.write_bytes(path, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_failure_before_there_was_a_file_leaves_none(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        atomic.write_text(tmp_path / "a.txt", "\ud800")
    with pytest.raises(ZeroDivisionError), atomic.replacing(tmp_path / "a.txt"):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_the_target_is_the_old_one_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    path.write_text("old")
    with atomic.replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".png")
    assert path.read_text() == "new"


def test_a_name_as_long_as_the_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".json")
    atomic.write_text(path, "{}")
    assert path.read_text() == "{}"


@posix
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_a_new_file_has_the_permissions_that_open_gives(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        (tmp_path / "usual").write_text("")
        atomic.write_text(tmp_path / "ours", "")
    finally:
        os.umask(before)
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


@posix
def test_an_old_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text("old")
    path.chmod(0o600)
    atomic.write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    real, link = tmp_path / "there" / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    link.symlink_to(real)
    atomic.write_text(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"


@posix
def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(OSError, match="Not a regular file"):
        atomic.write_text(fifo, "")
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        (lambda folder: folder / "missing" / "a.txt", FileNotFoundError),
        (lambda folder: folder, IsADirectoryError),
        (lambda folder: folder / "file" / "a.txt", NotADirectoryError),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other errors")
def test_errors_come_first_and_name_the_target(
    tmp_path: Path, place: Callable[[Path], Path], kind: type[OSError]
) -> None:
    (tmp_path / "file").write_text("")
    path = place(tmp_path)
    with pytest.raises(kind) as raised, atomic.replacing(path):
        pytest.fail("the body ran")
    assert raised.value.filename == str(path)


def test_readers_see_one_writer_whole_whatever_the_number(tmp_path: Path) -> None:
    path = tmp_path / "shared.txt"
    texts = [letter * 200_000 for letter in "abcdef"]
    atomic.write_text(path, texts[0])
    torn: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            text = path.read_text()
            if text not in texts:
                torn.append(text[:20])

    def write(text: str) -> None:
        for _ in range(10):
            atomic.write_text(path, text)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert torn == []
    assert list(tmp_path.iterdir()) == [path]
