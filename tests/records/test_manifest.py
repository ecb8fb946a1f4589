"""Manifest: begins, goes on, ends, and is read back strictly."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effsearch.records.errors import UserError
from effsearch.records.manifest import Manifest

SHA256 = "0123456789abcdef" * 4
# as version 1 was first written; it must load for ever
VERSION_1 = {
    "format": "effsearch-manifest",
    "version": 1,
    "command": ["effsearch", "nas", "--target-flops", "400M"],
    "seed": 7,
    "environment": {"python": "3.11.7", "git": "0a1b-dirty"},
    "started": "2025-01-31T12:00:00+00:00",
    "ended": "2025-02-01T12:00:01+00:00",
    "state": "interrupted",
    "data_sha256": SHA256,
    "resumed": ["2025-02-01T00:00:00+00:00"],
}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**VERSION_1, **changes}))
    return path


def test_version_1_loads(tmp_path: Path) -> None:
    assert Manifest.load(written(tmp_path)) == Manifest(
        command=("effsearch", "nas", "--target-flops", "400M"),
        seed=7,
        environment={"python": "3.11.7", "git": "0a1b-dirty"},
        started="2025-01-31T12:00:00+00:00",
        ended="2025-02-01T12:00:01+00:00",
        state="interrupted",
        data_sha256=SHA256,
        resumed=("2025-02-01T00:00:00+00:00",),
    )


def test_version_1_is_what_is_saved(tmp_path: Path) -> None:
    Manifest.load(written(tmp_path)).save(tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text()) == VERSION_1


def test_the_life_of_a_run() -> None:
    begun = Manifest.begin(["effsearch", "nas"], seed=3, environment={"python": "3.12"}, data_sha256=SHA256)
    assert (begun.state, begun.ended, begun.resumed) == ("running", None, ())
    age = datetime.now(timezone.utc) - datetime.fromisoformat(begun.started)
    assert timedelta(0) <= age < timedelta(seconds=5)
    stopped = begun.finish("interrupted")
    assert begun.state == "running"  # a new value
    assert (stopped.state, stopped.started) == ("interrupted", begun.started)
    going_on = stopped.resume()
    assert (going_on.state, going_on.ended, len(going_on.resumed)) == ("running", None, 1)
    done = going_on.resume().finish("done")
    assert done.ended is not None
    assert done.ended >= done.resumed[1] >= done.resumed[0] >= done.started
    assert (done.seed, done.command, done.data_sha256) == (3, ("effsearch", "nas"), SHA256)


def test_the_environment_is_this_one_unless_given() -> None:
    assert "python" in Manifest.begin([], 0).environment


@pytest.mark.parametrize("state", ["running", "finished", ""])
def test_an_end_is_done_interrupted_or_failed(state: str) -> None:
    with pytest.raises(ValueError, match=r"state|ended"):
        Manifest.begin([], 0, environment={}).finish(state)


@settings(max_examples=50, deadline=None)
@given(
    command=st.lists(st.text(alphabet=st.characters(codec=None))),
    seed=st.integers(),
    environment=st.dictionaries(st.text(), st.text()),
)
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, command: list[str], seed: int, environment: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("manifest") / "manifest.json"
    manifest = Manifest.begin(command, seed, environment=environment)
    manifest.save(path)
    loaded = Manifest.load(path)
    assert (loaded.seed, loaded.environment, loaded.started) == (seed, environment, manifest.started)
    # a file name that is not UTF-8 comes back as the same bytes
    assert [each.encode("utf-16", "surrogatepass") for each in loaded.command] == [
        each.encode("utf-16", "surrogatepass") for each in command
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("command", "effsearch nas"),
        ("command", ["effsearch", 1]),
        ("seed", "7"),
        ("seed", 7.0),
        ("seed", True),
        ("seed", None),
        ("environment", ["python"]),
        ("environment", {"python": 3.11}),
        ("started", 1738324800),
        ("started", "yesterday"),
        ("started", "2025-01-31T12:00:00"),  # where?
        ("started", None),
        ("ended", "soon"),
        ("ended", None),  # but it is interrupted
        ("state", "finished"),
        ("state", "running"),  # but it has an end
        ("state", None),
        ("data_sha256", "0123"),
        ("data_sha256", SHA256 + "\n"),
        ("resumed", "2025-02-01T00:00:00+00:00"),
        ("resumed", ["later"]),
        ("version", 0),
        ("version", "1"),
        ("version", True),
        ("version", 2),
        ("format", "effsearch-ledger"),
        ("surprise", 1),
    ],
)
def test_a_wrong_value_is_named_with_path_and_key(tmp_path: Path, key: str, value: object) -> None:
    path = written(tmp_path, **{key: value})
    with pytest.raises(UserError) as raised:
        Manifest.load(path)
    assert str(path) in raised.value.message
    assert key in raised.value.message or (key, value) == ("state", "running")


@pytest.mark.parametrize("key", VERSION_1)
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({name: value for name, value in VERSION_1.items() if name != key}))
    with pytest.raises(UserError, match=key):
        Manifest.load(path)


def test_a_later_version_asks_for_an_upgrade(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        Manifest.load(written(tmp_path, version=2, unheard_of=[]))
    assert "upgrade" in str(raised.value.hint)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff", b'{"a": 1, "a": 2}', b"[" * 100_000, b"\0"])
def test_another_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"manifest\.json"):
        Manifest.load(path)


def test_a_path_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        Manifest.load(tmp_path)
    with pytest.raises(UserError, match="cannot read"):
        Manifest.load(tmp_path / "missing.json")
    with pytest.raises(UserError, match="cannot write"):
        Manifest.begin([], 0, environment={}).save(tmp_path / "missing" / "manifest.json")
