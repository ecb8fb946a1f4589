"""Every network of the catalogue, loaded from a file of timm's or torchvision's, gives their logits.

Their networks have random weights and random norms; the file is written as people have it, and `load_weights` finds the
names. timm's plain variants pad as we do; its tf_ ones pad as TensorFlow does.
"""

from pathlib import Path
from types import ModuleType

import pytest
import torch
from random_norms import randomise_norms
from safetensors.torch import save_file
from torch import nn

from effsearch.models import build, load_weights
from effsearch.models.network import initialise
from effsearch.search_spaces import catalogue
from effsearch.search_spaces.cost import cost

TIMM = {
    **{f"efficientnet-b{number}": f"efficientnet_b{number}" for number in range(4)},
    **{f"efficientnet-lite{number}": f"efficientnet_lite{number}" for number in range(5)},
    "mobilenet-v1": "mobilenetv1_100",
    "mobilenet-v2": "mobilenetv2_100",
    "mobilenet-v3-large": "mobilenetv3_large_100",
    "mobilenet-v3-small": "mobilenetv3_small_100",
    "mnasnet-a1": "semnasnet_100",
    "mnasnet-b1": "mnasnet_100",
    "resnet-18": "resnet18",
    "resnet-50": "resnet50",
}
TORCHVISION = {
    **{f"efficientnet-b{number}": f"efficientnet_b{number}" for number in range(8)},
    "mobilenet-v2": "mobilenet_v2",
    "mobilenet-v3-large": "mobilenet_v3_large",
    "mobilenet-v3-small": "mobilenet_v3_small",
    "mnasnet-b1": "mnasnet1_0",
    **{f"resnet-{layers}": f"resnet{layers}" for layers in (18, 34, 50, 101, 152)},
}
QUICK = {"mobilenet-v3-small"}
SHAPE = (2, 3, 64, 75)  # strides that come out even, and others that do not


def cases(names: dict[str, str]) -> list[object]:
    return [
        pytest.param(ours, theirs, marks=[] if ours in QUICK else [pytest.mark.slow]) for ours, theirs in names.items()
    ]


def randomise(theirs: nn.Module) -> None:
    """Fresh weights without memory become random ones; norms that do something; logits of about one."""
    theirs.to_empty(device="cpu").eval()
    initialise(theirs)
    randomise_norms(theirs)
    *_, classifier = (module for module in theirs.modules() if isinstance(module, nn.Linear))
    with torch.no_grad():
        classifier.weight.div_(theirs(torch.randn(SHAPE)).std())


def assert_loads(theirs: nn.Module, name: str, path: Path) -> str:
    randomise(theirs)
    assert sum(value.numel() for value in theirs.parameters()) == cost(catalogue.load(name)).params
    save = save_file if path.suffix == ".safetensors" else torch.save
    save(theirs.state_dict(), path)
    ours = build(catalogue.load(name), device="meta").eval()
    eps = next(module.eps for module in theirs.modules() if isinstance(module, nn.BatchNorm2d))
    library = load_weights(ours, path, norm_eps=eps)
    path.unlink()
    images = torch.randn(SHAPE)
    with torch.no_grad():
        expected, found = theirs(images), ours(images)
    assert 0.1 < expected.std() < 10
    assert (found - expected).abs().max() < 1e-5
    return library


@pytest.mark.parametrize(("ours", "theirs"), cases(TIMM))
def test_timm(timm: ModuleType, tmp_path: Path, ours: str, theirs: str) -> None:
    with torch.device("meta"):
        network = timm.create_model(theirs)
    assert assert_loads(network, ours, tmp_path / "weights.safetensors").startswith("timm")


@pytest.mark.parametrize(("ours", "theirs"), cases(TORCHVISION))
def test_torchvision(torchvision: ModuleType, tmp_path: Path, ours: str, theirs: str) -> None:
    with torch.device("meta"):
        network = getattr(torchvision.models, theirs)(weights=None)
    assert assert_loads(network, ours, tmp_path / "weights.pth").endswith("torchvision")


def test_every_network_of_the_catalogue_is_compared() -> None:
    assert {*TIMM, *TORCHVISION} == set(catalogue.names())


@pytest.mark.slow
@pytest.mark.parametrize("number", range(5))
def test_lite_has_as_many_parameters_as_the_published_weights(timm: ModuleType, number: int) -> None:
    with torch.device("meta"):
        theirs = timm.create_model(f"tf_efficientnet_lite{number}")
    ours = cost(catalogue.load(f"lite{number}"))
    assert ours.params == sum(value.numel() for value in theirs.parameters())
