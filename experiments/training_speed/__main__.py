"""Time a training step of EfficientNet-B0: ours, timm's and torchvision's in turn, under one loop and one machine.

    python -m effsearch.experiments.training_speed --pixels 32,224 --batch 64,8
    python -m effsearch.experiments.training_speed --device cuda --pixels 224 --batch 256
    python -m effsearch.experiments.training_speed --data DIR       # the loader against the training, on these images

Prints the median seconds of a step, and the median over the rounds of the other library's time / ours.
"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter

import numpy as np
import torch

from ...records.errors import UserError
from ...search_spaces import catalogue
from ...training import load_dataset, load_recipe
from ...training.batches import batches, epoch_order
from ...training.datasets import Dataset
from ...training.devices import choose_device
from ...training.speed import training_speed
from ...training.suited import suited
from ...training.trainer import Trainer
from ..model_speed.torchvision_import import missing
from .networks import LIBRARIES, training_step
from .paired import paired


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", default="32,224")
    parser.add_argument("--batch", default="64,8", help="images a step, one for each size")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device")
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"))
    parser.add_argument("--data", help="a data set: measures the loader alone, too")
    options = parser.parse_args()
    try:
        device = choose_device(options.device)
        if options.data:
            _print_loader(load_dataset(options.data), options.device)
            return 0
        sizes = [int(one) for one in options.pixels.split(",")]
        for pixels, batch in zip(sizes, (int(one) for one in options.batch.split(",")), strict=True):
            _print_step(pixels, batch, options.rounds, device, options.precision)
    except (UserError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _print_step(pixels: int, batch: int, rounds: int, device: torch.device, kind: str) -> None:
    steps = {}
    for library in LIBRARIES:
        try:
            steps[library] = training_step(library, pixels=pixels, batch=batch, device=device, kind=kind)
        except (ImportError, RuntimeError) as error:
            print(f"note: {library} is left out: {missing(library) or str(error).splitlines()[0]}", file=sys.stderr)
    timing = paired(steps, rounds)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(f"{pixels} px, {batch} images a step, {kind}, {where}, {rounds} rounds")
    for library in steps:
        seconds = timing.median(library)
        against = "" if library == "effsearch" else f"   ratio {timing.ratio('effsearch', library):.3f}"
        print(f"  {library:12} {seconds * 1e3:9.1f} ms   {batch / seconds:9.1f} images/s{against}")


def _print_loader(dataset: Dataset, device: str | None) -> None:
    """Images a second: read and augmented, without a network; and trained."""
    recipe = load_recipe("proxy")
    network = suited(catalogue.load("b0"), dataset)
    indices = np.arange(len(dataset.train), dtype=np.int64)
    trainer = Trainer(network, dataset, recipe, seed=0, device=choose_device(device), indices=indices)
    order = epoch_order(indices, 0, 0)[: trainer.batch * min(100, len(indices) // trainer.batch)]
    groups = [order[start : start + trainer.batch] for start in range(0, len(order), trainer.batch)]
    started = perf_counter()
    for images, labels in batches(dataset.train, groups, trainer.device):
        trainer.augment(images, labels)
    if trainer.device.type == "cuda":
        torch.cuda.synchronize(trainer.device)
    loaded = len(order) / (perf_counter() - started)
    trained = training_speed(network, dataset, recipe, device=device)
    print(f"{dataset.name}, {network.resolution} px: {loaded:,.0f} images/s read and augmented, ", end="")
    print(f"{trained:,.0f} images/s trained: {loaded / trained:.1f} times")


if __name__ == "__main__":
    raise SystemExit(main())
