"""Simulated units: the most urgent job goes first, and units are lent only to immediate jobs."""

from simpy import Environment

from producers.simulate.units import UnitRequest, Units


class _Recorder:
    """A listener that records events."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, float, float]] = []

    def dispatched(self, job: UnitRequest, unit: str, at: float, arrives: float, released: float) -> None:
        assert at <= arrives <= released
        self.sent.append((job.subject_id, unit, at, arrives))


def job(subject_id: str, urgency: int, area: str = "north", at_scene_seconds: float | None = 100) -> UnitRequest:
    return UnitRequest(subject_id, area, urgency, 60, at_scene_seconds)


def play(*jobs: UnitRequest, north: int, south: int) -> list[tuple[str, str, float, float]]:
    """The dispatches when all jobs arrive at once."""
    environment, recorder = Environment(), _Recorder()
    units = Units(environment, recorder, ("north", "south"), 2.0)
    units.staff({"north": north, "south": south})
    for each in jobs:
        units.request(each)
    environment.run()
    assert units.waiting() == 0 or north + south == 0
    return recorder.sent


def test_the_most_urgent_job_goes_first_and_then_the_oldest() -> None:
    sent = play(job("first", 2), job("second", 2), job("third", 1), job("urgent", 0), north=1, south=1)
    assert [subject_id for subject_id, *_ in sent] == ["first", "urgent", "third", "second"]


def test_a_unit_is_sent_again_only_after_its_release() -> None:
    sent = play(job("first", 2), job("second", 2), north=1, south=0)
    assert sent == [("first", "north-1", 0, 60), ("second", "north-1", 160, 220)]


def test_an_immediate_job_is_lent_a_unit_that_travels_longer() -> None:
    sent = play(job("first", 2), job("urgent", 0), north=1, south=2)
    assert sent[1] == ("urgent", "south-1", 0, 120)


def test_the_last_unit_of_an_area_is_not_lent() -> None:
    sent = play(job("first", 2), job("urgent", 0), north=1, south=1)
    assert sent[1] == ("urgent", "north-1", 160, 220)


def test_no_unit_is_lent_to_a_job_that_can_wait() -> None:
    sent = play(job("first", 2), job("second", 1), north=1, south=5)
    assert sent[1] == ("second", "north-1", 160, 220)


def test_a_unit_that_is_turned_back_is_released_when_it_would_have_arrived() -> None:
    sent = play(job("first", 2, at_scene_seconds=None), job("second", 2), north=1, south=0)
    assert sent[1] == ("second", "north-1", 60, 120)


def test_without_units_nothing_is_dispatched() -> None:
    assert play(job("first", 0), north=0, south=0) == []
