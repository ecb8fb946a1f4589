"""Memory that goes back to the operating system."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
import torch

from effsearch.evaluators import training
from effsearch.training import memory, trainer


def resident() -> int:
    """Bytes."""
    kilobytes = Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]
    return int(kilobytes) * 1024


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is another")
def test_freed_blocks_below_one_in_use_are_given_back():
    blocks = [torch.zeros(1024) for _ in range(20_000)]  # 80 MB on the heap
    kept = blocks[-1]
    del blocks
    before = resident()
    memory.give_back()
    assert before - resident() > 40e6
    assert kept.sum() == 0


def test_elsewhere_nothing_happens(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    monkeypatch.setattr(memory.ctypes, "CDLL", pytest.fail)
    memory.give_back()


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_every_training_of_an_evaluator_gives_back(monkeypatch, tiny, digits, quick_recipe, ends):
    given = []
    monkeypatch.setattr(memory, "give_back", lambda: given.append(1))
    if ends == "badly":
        monkeypatch.setattr(trainer, "classification_loss", lambda logits, *_: logits.mean() * float("nan"))
    evaluator = training.TrainingEvaluator("digits", recipe=quick_recipe.with_changes(epochs=1), images=64)
    evaluator.dataset = digits
    assert (evaluator(tiny).failure is None) is (ends == "well")
    assert given == [1]
