"""A training's run directory.

`ledger.jsonl` (a line an epoch), `checkpoints/last.pt` (goes on from there) and `best.safetensors`, `epochs.csv`,
`tensorboard/` where TensorBoard's writer is installed; at the end `network.yaml`, `weights.safetensors`,
`metrics.json`, `confusion.csv` and `README.md`, the model card.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any

import yaml
from torch import nn

from ..records import atomic
from ..records.errors import UserError, cannot
from ..records.run_log import RunLog
from . import checkpoint
from .result import Epoch
from .tensorboard import Curves
from .trainer import Trainer

FOLDER = "checkpoints"
BEST = "best.safetensors"


class RunFiles:
    """A context manager. Without a directory it keeps nothing, and every method does nothing.

    notice: a sentence about a torn last line of the ledger that was cut off, or None. seconds: of this process and of
    those before it, up to their last checkpoints; a training that is over adds nothing more.
    """

    def __init__(self, log: RunLog, settings: dict[str, Any]) -> None:
        self.log, self.settings, self.notice = log, settings, log.notice
        self.path = log.run.path if log.run else None
        self.state = "failed"
        self._before = 0.0
        self._started: float | None = perf_counter()
        self._curves = Curves(self.path / "tensorboard" if self.path else None)
        self._told = {int(str(entry["epoch"])) for _, entry in log.entries() if entry.get("kind") == "epoch"}
        if self.path:
            (self.path / FOLDER).mkdir(exist_ok=True)

    @classmethod
    def open(
        cls, run_dir: Path | str | None, settings: dict[str, Any], config: dict[str, Any] | None, *, resume: bool
    ) -> RunFiles:
        """UserError where the directory cannot be used, holds another training, or safetensors is not installed."""
        if run_dir is not None:
            _require_safetensors()
        text = yaml.safe_dump(config or settings, sort_keys=False) if config or not resume else None
        return cls(RunLog.open(run_dir, resume=resume, settings=settings, config=text, seed=settings["seed"]), settings)

    @property
    def seconds(self) -> float:
        return self._before + (0.0 if self._started is None else perf_counter() - self._started)

    def restore(self, trainer: Trainer) -> list[Epoch]:
        """Put the trainer where the last checkpoint was, in every process of its team; the epochs behind it."""
        last = self.path / FOLDER / checkpoint.LAST if self.path else None
        state = checkpoint.load(last, self.settings) if last and last.exists() else None
        state = trainer.team.share(state)
        if state is None:
            return []
        trainer.load(state)
        self._before = float(state["seconds"])
        if trainer.step == trainer.total_steps:
            self._started = None  # only the results are written again
        epochs = [Epoch(**row) for row in state["epochs"]]
        for epoch in epochs:
            self._tell(epoch)
        self._write_table(epochs)
        return epochs

    def keep(self, trainer: Trainer, epochs: list[Epoch]) -> None:
        """A checkpoint to go on from."""
        if self.path:
            rows = [dataclasses.asdict(epoch) for epoch in epochs]
            state = {**trainer.state(), "epochs": rows, "seconds": self.seconds}
            checkpoint.save(self.path / FOLDER / checkpoint.LAST, state, self.settings)

    def end_epoch(self, trainer: Trainer, epochs: list[Epoch], best: bool) -> None:
        """The last of `epochs` is over; where it is the best so far, its weights are kept too."""
        if not self.path:
            return
        if best:
            save_weights(trainer.averaged, self.path / FOLDER / BEST)
        self.keep(trainer, epochs)
        self._tell(epochs[-1])
        self._write_table(epochs)

    def best_weights(self, module: nn.Module) -> bool:
        """Load the kept ones of the best epoch into `module`; False where none were kept."""
        path = self.path / FOLDER / BEST if self.path else None
        if path is None or not path.is_file():
            return False
        from safetensors import SafetensorError
        from safetensors.torch import load_model

        try:
            load_model(module, path)
        except (OSError, SafetensorError, RuntimeError) as error:
            raise UserError(
                f"{path} holds no weights of this network: {str(error).splitlines()[0]:.150}",
                hint="delete it to keep the last epoch's weights",
            ) from error
        return True

    def _write_table(self, epochs: list[Epoch]) -> None:
        if self.path and epochs:
            atomic.write_text(self.path / "epochs.csv", _csv([dataclasses.asdict(epoch) for epoch in epochs]))

    def _tell(self, epoch: Epoch) -> None:
        if epoch.epoch not in self._told:
            self._told.add(epoch.epoch)
            self.log.append({"kind": "epoch", **dataclasses.asdict(epoch)})
            self._curves.add(epoch)

    def __enter__(self) -> RunFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self.state = "interrupted"
        self._curves.close()
        self.log.finish("done" if kind is None else self.state)
        self.log.__exit__(kind, error, trace)


def save_weights(module: nn.Module, path: Path) -> None:
    """As safetensors, whole or not at all. UserError where the disk refuses."""
    from safetensors import SafetensorError
    from safetensors.torch import save_model

    try:
        with atomic.replacing(path) as temporary:
            save_model(module, str(temporary))
    except (OSError, SafetensorError) as error:
        problem = error if isinstance(error, OSError) else OSError(str(error))
        raise cannot("write the weights", path, problem) from error


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _require_safetensors() -> None:
    try:
        import safetensors  # noqa: F401
    except ModuleNotFoundError as error:
        raise UserError(
            "weights are written as safetensors, which is not installed", hint="pip install safetensors"
        ) from error
