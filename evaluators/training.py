"""Short or full trainings on a user's images: the accuracy that was really reached."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import integer, number
from ..training.recipe import Recipe
from ..training.recipe import load as load_recipe
from .evaluation import Evaluation

if TYPE_CHECKING:
    from ..training.datasets import Dataset


class TrainingEvaluator:
    """Trains every network from fresh weights on the training images, and scores the validation images once.

    The same (network, seed) gives the same evaluation, on one machine to the last bit: the CPU's threads are a setting
    of its own, and no choice is left to the GPU's libraries. A training that diverges is a failed evaluation, not an
    error. One that finds no memory raises: another process may have it.

    Pickled, it goes with the path of the mapped images. Where that is not there (another machine of a cluster), the
    images are read from `data`.

    Parameters
    ----------
    data
        a data set's path, as `training.load_dataset` understands it.
    epochs, images, resolution
        the fidelity: epochs (the recipe's where None), training images (all), pixels (the network's own).
    recipe
        "proxy", "modern", "paper", or a YAML file.
    seed_std
        one sigma, in percentage points, between trainings of one network that differ in their seed. It goes into
        `std` beside the binomial error of the validation images. None where it is not known.
    threads
        of the CPU.
    data_name
        what the data set is called; the name of its file or folder where None. A run goes on under the name that it was
        started with, wherever the images are now.
    """

    def __init__(
        self,
        data: str | Path,
        *,
        epochs: int | None = None,
        images: int | None = None,
        resolution: int | None = None,
        recipe: str | Recipe = "proxy",
        seed_std: float | None = None,
        device: str | None = None,
        threads: int = 1,
        size: int | None = None,
        validation: float = 0.1,
        data_name: str | None = None,
    ) -> None:
        for name, value in (("epochs", epochs), ("images", images), ("resolution", resolution), ("threads", threads)):
            if value is not None:
                integer(name, value, 1, 2**31)
        if seed_std is not None:
            number("seed_std", seed_std, 0, 100)
        known = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
        self.recipe = known if epochs is None else known.with_changes(epochs=epochs)
        self.data = Path(data)
        self.images, self.resolution, self.seed_std = images, resolution, seed_std
        self.device, self.threads, self.size, self.validation = device, threads, size, validation
        self.data_name = data_name
        self.mapped: tuple[Path, str] | None = None

    @cached_property
    def dataset(self) -> Dataset:
        """Mapped on first use, in every process anew. UserError where the images are not those of the pickled one."""
        from ..training.datasets import load_dataset, open_cache

        if self.mapped:
            with suppress(UserError):
                dataset: Dataset = open_cache(self.mapped[0])
                return dataset
        dataset = load_dataset(self.data, size=self.size, validation=self.validation)
        if self.mapped and dataset.fingerprint != self.mapped[1]:
            raise UserError(
                f"{self.data} holds other images here than where the run was started: fingerprint "
                f"{dataset.fingerprint}, not {self.mapped[1]}",
                hint="put the same images under the same path on every node",
            )
        return dataset

    @property
    def fidelity(self) -> str:
        """ "fashion-mnist validation top-1, 3 epochs, 10,000 images"."""
        images = min(self.images or len(self.dataset.train.labels), len(self.dataset.train.labels))
        pixels = f", {self.resolution} px" if self.resolution else ""
        epochs = f"{self.recipe.epochs} epoch{'s' * (self.recipe.epochs > 1)}"
        name = self.data_name or self.dataset.name
        return f"{name} validation top-1, {epochs}, {images:,} images{pixels}"

    @property
    def source(self) -> str:
        """What identifies it in a ledger: data, recipe and fidelity by content."""
        return f"training, {self.fidelity}, recipe {self.recipe.fingerprint}, data {self.dataset.fingerprint}"

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if name != "dataset"}
        return state | {"mapped": (self.dataset.path, self.dataset.fingerprint)}

    def __call__(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        import torch

        from ..training.loop import train
        from ..training.memory import give_back
        from ..training.trainer import Diverged, check_fits

        started = perf_counter()
        check_fits(architecture, self.dataset)
        source, fidelity = self.source, self.fidelity
        with _Reproducible(self.threads):
            try:
                result = train(
                    architecture, self.dataset, self.recipe, seed=seed, device=self.device, images=self.images,
                    resolution=self.resolution,
                )  # fmt: skip
            except Diverged as error:
                reason = f"diverged: {error}"
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()
                raise
            else:
                scores = result.scores["validation"]
                return Evaluation(
                    scores.accuracy, std=math.hypot(scores.std, self.seed_std or 0.0), loss=scores.loss, seed=seed,
                    fidelity=fidelity, seconds=perf_counter() - started, source=source,
                )  # fmt: skip
            finally:
                give_back()
        failed = Evaluation.failed(reason, seed=seed, source=source, seconds=perf_counter() - started)
        return replace(failed, fidelity=fidelity)


class _Reproducible:
    """Inside, torch computes with so many threads, and by algorithms that always give the same."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def __enter__(self) -> None:
        import torch

        # cuBLAS needs this to be deterministic; it is read when a process first uses it
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        cudnn = torch.backends.cudnn
        self.before = torch.get_num_threads(), cudnn.deterministic, cudnn.benchmark
        torch.set_num_threads(self.threads)
        cudnn.deterministic, cudnn.benchmark = True, False

    def __exit__(self, *error: object) -> None:
        import torch

        threads, torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = self.before
        torch.set_num_threads(threads)
