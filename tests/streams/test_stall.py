"""The stall rule: it distinguishes a worker that makes no progress from one that has nothing to do."""

from streams.stall import Stalls

ONE, OTHER = ("incidents", 0), ("incidents", 1)


def test_a_worker_with_nothing_to_do_never_stalls() -> None:
    stalls = Stalls(10.0)
    assert not any(stalls.is_stalled({ONE: 5}, {ONE: 5}, now) for now in (0.0, 11.0, 1000.0))


def test_time_without_work_does_not_count() -> None:
    stalls = Stalls(10.0)
    assert not stalls.is_stalled({ONE: 5}, {ONE: 5}, 0.0)
    assert not stalls.is_stalled({ONE: 5}, {ONE: 6}, 100.0)
    assert not stalls.is_stalled({ONE: 5}, {ONE: 6}, 110.0)
    assert stalls.is_stalled({ONE: 5}, {ONE: 6}, 111.0)


def test_a_worker_that_makes_progress_does_not_stall_however_far_it_is_behind() -> None:
    stalls = Stalls(10.0)
    assert not any(stalls.is_stalled({ONE: now}, {ONE: 10**6}, float(now)) for now in range(0, 500, 9))


def test_one_partition_may_stop_ten_times_as_long_while_others_make_progress() -> None:
    stalls = Stalls(10.0)
    ends = {ONE: 10**6, OTHER: 10**6}
    stalled = [now for now in range(0, 200, 5) if stalls.is_stalled({ONE: 7, OTHER: now}, ends, float(now))]
    assert stalled[0] == 105


def test_a_partition_that_was_given_away_is_forgotten() -> None:
    stalls = Stalls(10.0)
    stalls.is_stalled({ONE: 5}, {ONE: 6}, 0.0)
    stalls.is_stalled({}, {}, 5.0)
    assert not stalls.is_stalled({ONE: 5}, {ONE: 6}, 20.0)


def test_the_stalled_time_covers_only_partitions_with_work() -> None:
    stalls = Stalls(10.0)
    assert stalls.stalled_seconds({ONE: 5, OTHER: 7}, {ONE: 6, OTHER: 7}, 100.0) == {ONE: 0.0}
    assert stalls.stalled_seconds({ONE: 5, OTHER: 7}, {ONE: 6, OTHER: 8}, 130.0) == {ONE: 30.0, OTHER: 0.0}
    assert stalls.stalled_seconds({ONE: 6, OTHER: 7}, {ONE: 6, OTHER: 8}, 135.0) == {OTHER: 5.0}
    assert stalls.stalled_seconds({ONE: 6}, {}, 140.0) == {}
