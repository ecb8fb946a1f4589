"""State dicts out of files that nobody vouches for: tensors by name, and nothing is executed."""

from __future__ import annotations

import io
import pickle
import struct
import warnings
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from ..records.errors import UserError, cannot

ARCHIVE = b"PK\x03\x04"  # what torch.load takes for an archive
SAFE = ".safetensors"
PICKLED = (".pth", ".pt", ".bin", ".tar")
INSIDE = ("state_dict", "model")  # where training scripts put the weights among other things
PREFIXES = ("module.", "_orig_mod.")  # of DistributedDataParallel and torch.compile
# what torch.load raises for bytes that are no checkpoint, besides its own: bytes may decode to any opcode
UNREADABLE = (
    OSError, EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, ImportError, AssertionError,
    OverflowError, MemoryError, struct.error, pickle.UnpicklingError,
)  # fmt: skip


def read(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a file, on the CPU. UserError where it cannot be read, or holds something else."""
    file = Path(path)
    ending = file.suffix.lower()
    if ending not in (SAFE, *PICKLED):
        raise UserError(f"{path} ends in {ending or 'nothing'!r:.20}; weights are {', '.join((SAFE, *PICKLED))}")
    try:
        size = file.stat().st_size
    except (OSError, ValueError) as error:
        raise cannot("read", path, error) from error
    if file.is_dir():
        raise UserError(f"{path} is a folder; weights are a file")
    if size == 0:
        raise UserError(f"{path} is empty")
    return _read_safetensors(file) if ending == SAFE else _unwrapped(_read_pickled(file, size), file)


def _read_safetensors(file: Path) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise UserError(
            "safetensors is not installed, which reads such files", hint="pip install safetensors"
        ) from error
    try:
        return _unprefixed(load_file(file))
    except (SafetensorError, *UNREADABLE) as error:
        raise _unreadable(file, error) from error


def _read_pickled(file: Path, size: int) -> object:
    """Tensors and plain values alone: weights_only refuses whatever would call a function."""
    try:
        with file.open("rb") as opened:
            archived = opened.read(len(ARCHIVE)) == ARCHIVE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on pickles of other protocols: what they hold decides
            return torch.load(_stored(file, size) if archived else file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{file} holds something else than tensors and plain values, or is damaged: it was not loaded",
            hint="if you trust it, load it with torch.load yourself and save its state_dict() alone",
        ) from error
    except (zipfile.BadZipFile, NotImplementedError, *UNREADABLE) as error:
        raise _unreadable(file, error) from error


def _stored(file: Path, size: int) -> io.BytesIO:
    """The archive that torch.save wrote, put together anew from its members. UserError for a compressed one.

    torch.save does not compress, so its files never unpack to more than themselves. Two readers of archives can see
    different members in one file; what torch reads here is what was looked at.
    """
    anew = io.BytesIO()
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(anew, "w") as copy:
        members = archive.infolist()
        packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
        if packed or sum(member.file_size for member in members) > size:
            raise UserError(f"{file} is a compressed archive: torch.save writes none, so it was not unpacked")
        for member in members:
            copy.writestr(member.filename, archive.read(member))
    anew.seek(0)
    return anew


def _unwrapped(content: object, file: Path) -> dict[str, Tensor]:
    for name in INSIDE:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict) or not content:
        raise UserError(f"{file} holds no state dict: names and tensors, or such a dict under {' or '.join(INSIDE)}")
    for key, value in content.items():
        if not isinstance(key, str):
            raise UserError(f"{file} holds no state dict: {key!r:.60} is a {type(key).__name__}, not a name")
        if not isinstance(value, Tensor):
            raise UserError(f"{file} holds no state dict: {key!r:.60} is a {type(value).__name__}, not a tensor")
        if value.is_nested or value.layout != torch.strided or value.is_quantized or value.is_meta:
            kind = "nested" if value.is_nested else "sparse, quantized or empty"
            raise UserError(f"{file} holds a {kind} tensor, {key!r:.60}; weights are plain numbers")
    return _unprefixed(content)


def _unprefixed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in PREFIXES * 2:  # in either order
        if state and all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _unreadable(file: Path, error: BaseException) -> UserError:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return UserError(f"{file} cannot be read as weights: {first:.150}")
