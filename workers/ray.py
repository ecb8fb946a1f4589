"""The one place that starts or joins a Ray cluster."""

from __future__ import annotations

import logging
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..records.environment import environment
from ..records.errors import UserError

LOCAL = "--engine local runs the same in this process"
ASKS = "a cluster that asks for a token needs RAY_AUTH_MODE=token here too"
SAME = "install the same effsearch on every node"
PATIENCE = 120  # seconds for a node's first worker


@contextmanager
def cluster(address: str | None = None, workers: int | None = None) -> Iterator[None]:
    """A running Ray: the cluster at `address`, or one on this machine with `workers` CPUs (all where None).

    Workers put their working directory first on sys.path, so it is an empty one: a folder of the user's called `nas` or
    `reports` must not hide ours. UserError where the workers run another effsearch than this process.
    """
    if ray.is_initialized():
        yield
        return
    # Ray prints its own notices on stderr, and asks for accelerators that were given to nobody.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    if address:
        _check_reachable(address)
    handler = signal.getsignal(signal.SIGTERM)
    with tempfile.TemporaryDirectory(prefix="effsearch-ray-") as empty:
        try:
            ray.init(
                address=address or "local",  # None would join whatever cluster this machine knows of
                num_cpus=None if address else workers,
                runtime_env={"working_dir": empty},
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=True,
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UserError(
                f"cannot join the Ray cluster at {address}: {error}" if address else f"cannot start Ray: {error}",
                hint=f"{ASKS}; {LOCAL}" if address else LOCAL,
            ) from error
        try:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, handler)  # Ray takes it, and would end us without saving
            _check_workers(local=address is None)
            yield
        finally:
            ray.shutdown()


def _check_reachable(address: str) -> None:
    """Ray tries for minutes; a closed port is known at once. Addresses without host and port are left to Ray."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise UserError(f"no Ray cluster answers at {address}: {error}", hint=LOCAL) from error


def _check_workers(local: bool) -> None:
    """A task on every node says which effsearch is there; a node that is lost meanwhile is left out."""
    ours = _installed()
    ask = ray.remote(num_cpus=0, max_retries=0)(_installed)
    for node in living_nodes():
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        try:
            theirs = ray.get(ask.options(scheduling_strategy=there).remote(), timeout=PATIENCE)
        except ray.exceptions.GetTimeoutError as error:
            raise UserError(f"{name_of(node)} started no worker within {PATIENCE} s", hint=SAME) from error
        except ray.exceptions.RayTaskError as error:
            raise UserError(f"the workers of {name_of(node)} cannot import effsearch: {error.cause}", SAME) from error
        except ray.exceptions.RayError:
            continue
        if theirs[0] != ours[0] or (local and theirs[1] != ours[1]):
            raise UserError(
                f"the Ray workers of {name_of(node)} run effsearch {theirs[0]} from {theirs[1]}, "
                f"this process {ours[0]} from {ours[1]}",
                hint=SAME,
            )


def living_nodes() -> list[Mapping[str, Any]]:
    """As Ray describes them: "Resources" and more by name."""
    nodes: Any = ray.nodes  # untyped
    return [node for node in nodes() if node["Alive"]]


def name_of(node: Mapping[str, Any]) -> str:
    """A node of `ray.nodes()` in words."""
    return f"the node {node.get('NodeManagerHostname') or node.get('NodeManagerAddress')}"


def version() -> str:
    """Of the effsearch that this process runs."""
    return _installed()[0]


def _installed() -> tuple[str, str]:
    return environment().get("effsearch", "unknown"), str(Path(__file__).resolve().parents[1])
