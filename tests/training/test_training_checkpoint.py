"""The checkpoint file: what is damaged, foreign or dangerous is refused in words."""

from __future__ import annotations

import os
import pickle
import random
import zipfile
from contextlib import suppress

import pytest
import torch

from effsearch.records.errors import UserError
from effsearch.training import checkpoint, train

SETTINGS = {"seed": 0, "network": "tiny"}
STATE = {"step": 3, "module": {"weight": torch.arange(6.0).view(2, 3)}, "epochs": [{"epoch": 1, "accuracy": None}]}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "last.pt"
    checkpoint.save(path, STATE, SETTINGS)
    return path


def test_it_reads_what_was_saved(path):
    state = checkpoint.load(path, SETTINGS)
    assert torch.equal(state["module"]["weight"], STATE["module"]["weight"])
    assert {**state, "module": 0} == {**STATE, "module": 0}
    assert [one.name for one in path.parent.iterdir()] == ["last.pt"]


class Malicious:
    def __reduce__(self):
        return os.system, ("touch hacked",)


def zipped(path, inner: bytes) -> None:
    """A file of torch's own format whose pickle is another one."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, inner if name.endswith("data.pkl") else data)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("kind", ["pickle", "zip", "nested"])
def test_a_malicious_one_runs_nothing(path, monkeypatch, tmp_path, kind):
    monkeypatch.chdir(tmp_path)
    document = {"format": checkpoint.FORMAT, "version": 1, "settings": SETTINGS, "state": Malicious()}
    if kind == "pickle":
        path.write_bytes(pickle.dumps(document))
    elif kind == "zip":
        zipped(path, pickle.dumps(document))
    else:
        torch.save(document, path)
    with pytest.raises(UserError, match="no checkpoint that can be read") as caught:
        checkpoint.load(path, SETTINGS)
    assert "first epoch" in caught.value.hint
    assert not (tmp_path / "hacked").exists()
    with suppress(RuntimeError):
        torch.load(path, weights_only=False)  # the file is dangerous
    assert (tmp_path / "hacked").exists()


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_one_says_what_to_do(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UserError, match=r"last\.pt is no checkpoint that can be read") as caught:
        checkpoint.load(path, SETTINGS)
    assert "delete it" in caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("damage", ["noise", "pickle", "flipped"])
def test_any_bytes_are_a_message(path, damage):
    """Noise, a pickle of random opcodes, and the file with a byte of its own pickle changed."""
    draw, whole = random.Random(0), path.read_bytes()  # noqa: S311
    with zipfile.ZipFile(path) as archive:
        inner = archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))
    refused = 0
    for _ in range(300 if damage != "flipped" else 150):
        if damage == "noise":
            path.write_bytes(draw.randbytes(draw.randrange(1, 300)))
        elif damage == "pickle":
            path.write_bytes(b"\x80\x02" + bytes(draw.choice(b"(.0NKJMXq}]uesctR\x85\x86\x88abcd") for _ in range(60)))
        else:
            changed = bytearray(inner)
            changed[draw.randrange(len(inner))] ^= 1 << draw.randrange(8)
            path.write_bytes(whole)
            zipped(path, bytes(changed))
        try:
            checkpoint.load(path, SETTINGS)
        except UserError:
            refused += 1
    assert refused >= 50


WRONG = {
    "other": ({"format": "something", "version": 1, "settings": SETTINGS, "state": {}}, "not a checkpoint"),
    "weights": ({"weight": torch.zeros(2)}, "not a checkpoint"),
    "list": ([1, 2], "not a checkpoint"),
    "newer": ({"format": checkpoint.FORMAT, "version": 2, "settings": SETTINGS, "state": {}}, "version 2"),
    "no settings": ({"format": checkpoint.FORMAT, "version": 1, "state": {}}, "lacks"),
    "no state": ({"format": checkpoint.FORMAT, "version": 1, "settings": SETTINGS}, "lacks"),
    "another seed": (
        {"format": checkpoint.FORMAT, "version": 1, "settings": {**SETTINGS, "seed": 1}, "state": {}}, "seed 1, not 0"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_checkpoint_of_this_training(path, kind):
    content, words = WRONG[kind]
    torch.save(content, path)
    with pytest.raises(UserError, match=words):
        checkpoint.load(path, SETTINGS)


def test_where_it_cannot_be_written_the_old_one_stays(path):
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"cannot write the checkpoint .*missing"):
        checkpoint.save(path.parent / "missing" / "last.pt", STATE, SETTINGS)
    with pytest.raises(UserError, match="cannot write the checkpoint /dev/full"):
        checkpoint.save("/dev/full", STATE, SETTINGS)
    assert path.read_bytes() == before


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("damage", ["truncated", "malicious", "folder", "of another run"])
def test_a_run_whose_checkpoint_is_bad_stops_and_goes_on_when_it_is_mended(
    digits, tiny, quick_recipe, interrupting, tmp_path, damage
):
    given = {"images": 96, "run_dir": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        train(tiny, digits, quick_recipe, **given, on_step=interrupting(5))
    last = tmp_path / "run" / "checkpoints" / "last.pt"
    good = last.read_bytes()
    if damage == "truncated":
        last.write_bytes(good[:1000])
    elif damage == "malicious":
        zipped(last, pickle.dumps(Malicious()))
    elif damage == "folder":
        last.unlink()
        last.mkdir()
    else:
        other = torch.load(last, weights_only=True)
        other["settings"]["data_fingerprint"] = "0" * 16
        torch.save(other, last)
    with pytest.raises(UserError, match=r"checkpoint|data_fingerprint"):
        train(tiny, digits, quick_recipe, **given, resume=True)
    if damage == "folder":
        last.rmdir()
    last.write_bytes(good)
    resumed = train(tiny, digits, quick_recipe, **given, resume=True)
    whole = train(tiny, digits, quick_recipe, images=96)
    assert resumed.scores["validation"].loss == whole.scores["validation"].loss
