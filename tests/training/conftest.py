"""A real data set that is trained in seconds, and a network for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest
import torch
from digits_data import tiny_network, write_npz

from effsearch.search_spaces import Architecture
from effsearch.training import Dataset, Recipe, load_dataset, load_recipe


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """1,350 training, 150 validation and 297 test images."""
    folder = tmp_path_factory.mktemp("digits")
    return load_dataset(write_npz(folder / "digits.npz"), cache=folder / "cache")


@pytest.fixture(scope="session")
def tiny() -> Architecture:
    return tiny_network()


@pytest.fixture(scope="session")
def quick_recipe() -> Recipe:
    return load_recipe("proxy").with_changes(epochs=3, batch=32, flip=False)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Sums are in the same order in every process."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def interrupting() -> Callable[..., Callable[[object], None]]:
    """An on_step that sends this process a signal after those steps."""

    def at(*steps: int, number: int = signal.SIGINT, times: int = 1) -> Callable[[object], None]:
        def on_step(moment: object) -> None:
            if moment.step in steps:
                for _ in range(times):
                    os.kill(os.getpid(), number)

        return on_step

    return at
