"""One thread for torch, fixed seeds, and the oracles as fixtures (test folders are no packages: loaded by path)."""

from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(autouse=True)
def quiet_torch() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    spec = spec_from_file_location("torchvision_oracle", Path(__file__).with_name("torchvision_oracle.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def torchvision(oracle: ModuleType) -> ModuleType:
    return oracle.load("torchvision")


@pytest.fixture
def timm(oracle: ModuleType) -> ModuleType:
    return oracle.load("timm")
