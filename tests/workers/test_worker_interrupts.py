"""An interrupt that was swallowed on its way is raised at the next look."""

from __future__ import annotations

import contextlib
import signal
import threading

import pytest

from effsearch.workers.interrupts import Interrupts


@pytest.fixture(autouse=True)
def usual_handler():
    """Whatever the tests before left."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_arrives_at_once_and_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), Interrupts():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_that_was_lost_is_raised_by_check_once():
    with Interrupts() as interrupts:
        interrupts.check()
        with contextlib.suppress(KeyboardInterrupt):  # as a library may do
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        interrupts.check()


def test_in_another_thread_nothing_is_touched():
    before, seen = signal.getsignal(signal.SIGINT), []

    def other():
        with Interrupts() as interrupts:
            seen.append((signal.getsignal(signal.SIGINT), interrupts.before))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [(before, {})]
