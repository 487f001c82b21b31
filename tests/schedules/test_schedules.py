"""In any order of turns, crashes and lost connections, every page equals a recount of a prefix of the log, and at last of all of it."""

import random
import time

import pytest

from tests.schedules.mutants import MUTANTS, QUICK, mutated
from tests.schedules.running import Found, failure_of, run_many

_SECONDS = 6.0


def _assert_nothing_found(found: Found) -> None:
    again = f"python -m tests.schedules --seed {found.seed} --schedules 1"
    assert found.seed is None, f"{found.error}\nshrunk: {found.choices}\nagain: {again}"


@pytest.mark.parametrize("part", ["first", "second"])
def test_no_schedule_shows_a_wrong_figure(part: str) -> None:
    del part  # two parts run in parallel
    began = time.monotonic()
    found = run_many(random.SystemRandom().randrange(10**9), 10**6, lambda: time.monotonic() - began < _SECONDS)
    _assert_nothing_found(found)
    assert found.schedules > 5
    assert found.steps > 1_000


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_a_million_steps_find_nothing() -> None:
    found = Found()
    seed, steps = random.SystemRandom().randrange(10**9), 0
    while steps < 1_000_000:
        found = run_many(seed, 1000, lambda: True)
        _assert_nothing_found(found)
        seed, steps = seed + 1000, steps + found.steps


@pytest.mark.parametrize("name", QUICK)
def test_a_fault_put_back_is_found(name: str) -> None:
    with mutated(name):
        found = run_many(0, 400, lambda: True, tries=0)
    assert found.seed is not None


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in QUICK])
def test_a_rare_fault_put_back_is_found(name: str) -> None:
    with mutated(name):
        found = run_many(0, 20_000, lambda: True, tries=0)
    assert found.seed is not None


def test_a_failing_schedule_runs_again_and_is_shrunk() -> None:
    with mutated("no applied-offset check"):
        whole = run_many(0, 400, lambda: True, tries=0)
        again = run_many(whole.seed or 0, 1, lambda: True, tries=40)
        assert again.error == whole.error
        assert len(again.choices) < len(whole.choices)
        assert failure_of(again.choices) is not None
    assert failure_of(again.choices) is None, "without the fault, the same choices must not fail"
