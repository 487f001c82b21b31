"""Units: finite, the most urgent job first, lent only to what cannot wait."""

from simpy import Environment

from producers.simulate.units import UnitRequest, Units


class _Told:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, float, float]] = []

    def dispatched(self, job: UnitRequest, unit: str, at: float, arrives: float, released: float) -> None:
        assert at <= arrives <= released
        self.sent.append((job.subject_id, unit, at, arrives))


def job(subject_id: str, urgency: int, area: str = "north", at_scene_seconds: float | None = 100) -> UnitRequest:
    return UnitRequest(subject_id, area, urgency, 60, at_scene_seconds)


def play(*jobs: UnitRequest, north: int, south: int) -> list[tuple[str, str, float, float]]:
    """Where units go when jobs come in all at once."""
    environment, told = Environment(), _Told()
    units = Units(environment, told, ("north", "south"), 2.0)
    units.staff({"north": north, "south": south})
    for each in jobs:
        units.request(each)
    environment.run()
    assert units.waiting() == 0 or north + south == 0
    return told.sent


def test_the_most_urgent_job_goes_first_and_then_the_oldest() -> None:
    sent = play(job("first", 2), job("second", 2), job("third", 1), job("urgent", 0), north=1, south=1)
    assert [subject_id for subject_id, *_ in sent] == ["first", "urgent", "third", "second"]


def test_a_unit_is_sent_again_only_when_it_was_released() -> None:
    sent = play(job("first", 2), job("second", 2), north=1, south=0)
    assert sent == [("first", "north-1", 0, 60), ("second", "north-1", 160, 220)]


def test_an_immediate_job_is_lent_a_unit_that_travels_longer() -> None:
    sent = play(job("first", 2), job("urgent", 0), north=1, south=2)
    assert sent[1] == ("urgent", "south-1", 0, 120)


def test_the_last_unit_of_an_area_is_not_lent() -> None:
    sent = play(job("first", 2), job("urgent", 0), north=1, south=1)
    assert sent[1] == ("urgent", "north-1", 160, 220)


def test_no_unit_is_lent_to_what_can_wait() -> None:
    sent = play(job("first", 2), job("second", 1), north=1, south=5)
    assert sent[1] == ("second", "north-1", 160, 220)


def test_a_unit_that_is_turned_back_is_released_when_it_would_have_arrived() -> None:
    sent = play(job("first", 2, at_scene_seconds=None), job("second", 2), north=1, south=0)
    assert sent[1] == ("second", "north-1", 60, 120)


def test_without_units_nobody_goes() -> None:
    assert play(job("first", 0), north=0, south=0) == []
