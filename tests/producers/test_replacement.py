"""Replacing a period: what a corrected extract no longer reports is withdrawn, and nothing else."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from bluelamp.feeding.published import ReplacedPeriod, check_keys, count_outdated, published
from bluelamp.feeding.replacement import LeftOut, Replacement, left_out, left_out_lines, replacement
from facts import provenance
from facts.batch import BatchRecord
from facts.custody import DetentionEnded
from facts.errors import SettingError
from facts.fact import FactWithdrawn, SubjectFact
from facts.wire import encode
from measures.timeline import Timeline, add, effective
from producers.declaration import Mapping
from producers.mapping import load_mapping
from producers.recorded import stamped
from tests.producers.extracts import HEADER, INCIDENTS, read
from tests.support.facts import ended

MAPPING = load_mapping(INCIDENTS, "small.toml")
DECEMBER = ReplacedPeriod(datetime(2024, 12, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC))
FIRST = [
    "i-1,E1,01/12/2024 09:00,01/12/2024 09:05,1,north,Y",
    "i-1,E2,01/12/2024 09:00,01/12/2024 09:06,1,north,Y",
    "i-2,E1,02/12/2024 09:00,02/12/2024 09:05,1,north,Y",
    "i-0,E1,30/11/2024 23:00,01/12/2024 09:05,1,north,Y",
]


class Log:
    """A log that extracts are replayed into, each made an hour after the one before."""

    def __init__(self, directory: Path, mapping: str = INCIDENTS) -> None:
        self.directory, self.text, self.mapping = directory, mapping, load_mapping(mapping, "small.toml")
        self.made = datetime(2026, 1, 1, tzinfo=UTC)
        self.entries: list[BatchRecord] = []

    def put(self, *facts: SubjectFact, mapping: str | None) -> None:
        """Put facts into the log, with or without the name of a mapping."""
        headers = (provenance.header_of(mapping),) if mapping else ()
        for fact in facts:
            moment = int((self.made + timedelta(days=1)).timestamp() * 1000)
            self.entries.append(BatchRecord(len(self.entries), moment, 1, None, encode([fact]), headers))

    def replay(self, *rows: str, replaces: ReplacedPeriod | None = None, is_named: bool = True) -> Replacement | None:
        """Replay an extract with these rows; returns what it withdrew, if it replaces a period."""
        self.made += timedelta(hours=1)
        extract = stamped(read(self.directory, self.text, "\n".join((HEADER, *rows)) + "\n"), self.made)
        log = published(self.entries, self.mapping)
        found = replaces and replacement(extract.facts, self.mapping, log, replaces, self.made)
        facts = [fact for fact in extract.facts if isinstance(fact, SubjectFact)]
        self.put(*facts, *(found.withdrawals if found else ()), mapping=self.mapping.name if is_named else None)
        return found

    def in_force(self) -> list[str]:
        """The facts in force, as subject, type and time."""
        timelines = published(self.entries, self.mapping).timelines.values()
        facts = (fact for timeline in timelines for fact in effective(timeline))
        return sorted(f"{fact.subject_id} {type(fact).__name__} {fact.at:%d %H:%M}" for fact in facts)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def test_what_the_extract_no_longer_reports_is_withdrawn(log: Log) -> None:
    """A whole subject, a unit of another, and a stage that is no longer filled in; a subject of November stays."""
    log.replay(*FIRST)
    found = log.replay("i-1,E1,01/12/2024 08:30,,1,north,Y", replaces=DECEMBER)
    assert found
    assert (found.published, len(found.withdrawn)) == (5, 4)
    assert log.in_force() == [
        "i-0 IncidentOpened 30 23:00",
        "i-0 UnitDispatched 01 09:05",
        "i-1 IncidentOpened 01 08:30",
    ]


def test_a_row_that_returns_counts_again(log: Log) -> None:
    log.replay(*FIRST)
    before = log.in_force()
    log.replay(*FIRST[:2], replaces=DECEMBER)
    assert before != log.in_force()
    log.replay(*FIRST)
    assert log.in_force() == before


def test_a_row_that_returns_with_an_old_time_of_its_own_counts_again(log: Log) -> None:
    """The source says when each row was recorded, and an older time would lose to the withdrawal."""
    log.replay(*FIRST)
    before, first = log.in_force(), log.entries.copy()
    log.replay(*FIRST[:2], replaces=DECEMBER)
    old = [fact for each in first for fact in published([each], MAPPING).timelines["i-2"].values()]
    found = replacement(old, MAPPING, published(log.entries, MAPPING), DECEMBER, log.made + timedelta(hours=1))  # type: ignore[arg-type]
    log.put(*old, *(each for each in found.withdrawals if each.subject_id == "i-2"), mapping=MAPPING.name)
    assert [each for each in before if each.startswith("i-2")] == [
        each for each in log.in_force() if each.startswith("i-2")
    ]


def test_replacing_twice_changes_nothing_more(log: Log) -> None:
    log.replay(*FIRST)
    log.replay(*FIRST[:2], replaces=DECEMBER)
    before = log.in_force()
    found = log.replay(*FIRST[:2], replaces=DECEMBER)
    assert found
    assert (found.withdrawn, found.withdrawals) == ([], [])
    assert log.in_force() == before


def test_facts_of_others_and_of_other_mappings_stay(log: Log) -> None:
    log.replay(*FIRST[:1])
    (opened, *_) = published(log.entries, MAPPING).timelines["i-1"].values()
    others = [replace(opened, fact_id=each) for each in ("by-hand", "elsewhere")]
    log.put(others[0], mapping=None)
    log.put(others[1], mapping="other")
    found = log.replay(*FIRST[2:3], replaces=DECEMBER)
    assert found
    assert {each.fact_id for each in found.withdrawn}.isdisjoint({"by-hand", "elsewhere"})
    assert log.in_force().count("i-1 IncidentOpened 01 09:00") == 2


def test_facts_of_versions_that_did_not_name_the_mapping_are_known_by_their_ids(log: Log) -> None:
    """Ids of facts per row contain the key of the row, which the log does not have: those facts are not withdrawn."""
    log.replay(*FIRST[:1], is_named=False)
    found = log.replay(*FIRST[2:3], replaces=DECEMBER)
    assert found
    assert [type(each).__name__ for each in found.withdrawn] == ["IncidentOpened"]


def test_a_withdrawal_made_by_hand_stays_whatever_is_replayed(log: Log) -> None:
    log.replay(*FIRST[:1])
    fact = next(iter(published(log.entries, MAPPING).timelines["i-1"].values()))
    hand = FactWithdrawn(fact_id="w", force=fact.force, at=fact.at, subject_id="i-1", withdraws=fact.fact_id)
    log.put(hand, mapping=None)
    before = log.in_force()
    log.replay(*FIRST[:1])
    assert log.in_force() == before


def test_an_extract_that_would_lose_to_the_log_is_refused(log: Log) -> None:
    """One made earlier, and one of the same time read by a corrected mapping without another revision."""
    log.replay(*FIRST)
    log.made -= timedelta(hours=2)
    with pytest.raises(SettingError, match="recorded when it was made or later"):
        log.replay("i-1,E1,01/12/2024 08:30,,1,north,Y", replaces=DECEMBER)


def test_a_later_revision_of_the_mapping_counts(tmp_path: Path) -> None:
    """The same extract, recorded at the same time, read an hour earlier by the corrected mapping."""
    timeline: Timeline = {}
    for text in (INCIDENTS, INCIDENTS.replace('time_zone = "Europe/London"', 'time_zone = "Etc/GMT-1"')):
        is_corrected = text != INCIDENTS
        mapping = text.replace('name = "small"', f'name = "small"\nrevision = {int(is_corrected)}')
        extract = stamped(read(tmp_path, mapping, f"{HEADER}\n{FIRST[2]}\n"), DECEMBER.end)
        for fact in extract.facts:
            assert isinstance(fact, SubjectFact)
            add(timeline, fact)
    assert [f"{fact.at:%H:%M}" for fact in effective(timeline)] == ["08:00", "08:05"]


def test_a_release_left_out_of_the_correction_is_withdrawn() -> None:
    """The detention is open again: the case of a custody extract made again."""
    text = (Path(__file__).parents[2] / "producers" / "mappings" / "custody.toml").read_text()
    mapping: Mapping = load_mapping(text, "custody.toml")
    release = ended("09:00", force=mapping.force, subject_id="d-1")
    assert isinstance(release, DetentionEnded)
    record = BatchRecord(0, 1_800_000_000_000, 1, None, encode([release]), (provenance.header_of(mapping.name),))
    found = replacement([], mapping, published([record], mapping), DECEMBER, DECEMBER.end)
    assert [each.withdraws for each in found.withdrawals] == [release.fact_id]


DAYS = ["i-1,E1,{} 09:00,,1,north,Y", "i-2,E1,{} 23:30,,1,north,Y"]


def rows_of(day: str) -> list[str]:
    """A daily file whose numbers begin again."""
    return [row.format(day) for row in DAYS]


def refusal(log: Log, *rows: str, mapping: str = INCIDENTS, replaces: ReplacedPeriod | None = None) -> str:
    """The error of a further replay of these rows; empty if it is accepted."""
    declared = load_mapping(mapping, "small.toml")
    extract = read(log.directory, mapping, "\n".join((HEADER, *rows)) + "\n")
    try:
        check_keys(extract.facts, declared, published(log.entries, declared), replaces)
    except SettingError as error:
        return f"{error} {error.hint}"
    return ""


def test_numbers_that_begin_again_in_the_next_file_are_refused(log: Log) -> None:
    """Daily files replayed one after another are refused as if they were one file, whichever comes first."""
    log.replay(*rows_of("02/12/2024"))
    for day in ("03/12/2024", "01/12/2024", "02/12/2023"):
        said = refusal(log, *rows_of(day))
        assert "other subjects under 2 keys" in said, day
        assert '{ day_of = "opened" }' in said, day
    assert refusal(log, *rows_of("02/12/2024")) == ""
    assert refusal(log, "i-1,E1,02/12/2024 15:00,,1,north,Y") == ""
    assert refusal(log, "i-3,E1,03/12/2024 15:00,,1,north,Y") == ""


def test_a_key_that_another_source_uses_is_refused(log: Log) -> None:
    log.replay(*rows_of("02/12/2024"))
    other = INCIDENTS.replace('name = "small"', 'name = "other"')
    assert other != INCIDENTS
    assert "set `prefix`" in refusal(log, *rows_of("05/12/2024"), mapping=other)
    both = ReplacedPeriod(datetime(2024, 12, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC))
    assert "2 keys" in refusal(log, *rows_of("05/12/2024"), mapping=other, replaces=both)


def test_a_correction_may_move_what_its_period_holds(log: Log) -> None:
    log.replay("i-1,E1,02/12/2005 09:00,,1,north,Y")
    row = "i-1,E1,02/12/2024 09:00,,1,north,Y"
    assert "--replace" in refusal(log, row)
    assert "--replace" in refusal(log, row, replaces=DECEMBER)
    assert refusal(log, row, replaces=ReplacedPeriod(datetime(2005, 1, 1, tzinfo=UTC), DECEMBER.end)) == ""
    log.replay(row, replaces=ReplacedPeriod(datetime(2005, 1, 1, tzinfo=UTC), DECEMBER.end))
    assert refusal(log, row) == ""


def test_facts_that_do_not_count_are_counted_or_refused(log: Log) -> None:
    """An earlier extract does not count; of two of the same time, nothing says which one does."""
    log.replay("i-1,E1,02/12/2024 09:00,,1,north,Y")
    changed = read(log.directory, INCIDENTS, f"{HEADER}\ni-1,E1,02/12/2024 08:00,,1,north,Y\n")

    def outdated(made: datetime | None) -> int:
        return count_outdated(stamped(changed, made).facts, MAPPING, published(log.entries, MAPPING))

    assert outdated(log.made + timedelta(hours=1)) == 0
    assert outdated(log.made - timedelta(hours=1)) == 1
    assert outdated(None) == 0
    with pytest.raises(SettingError, match="1 of this extract's facts") as refused:
        outdated(log.made)
    assert "--extracted-at" in str(refused.value.hint)


def again(log: Log, *rows: str, mapping: str = INCIDENTS, hours: float = 1) -> LeftOut:
    """What a further extract, made some hours later, no longer gives of the subjects it reports; its withdrawals are published."""
    made = log.made + timedelta(hours=hours)
    declared = load_mapping(mapping, "small.toml")
    extract = stamped(read(log.directory, mapping, "\n".join((HEADER, *rows)) + "\n"), made)
    found = left_out(extract.facts, declared, published(log.entries, declared), made)
    log.put(*(cast(SubjectFact, each) for each in extract.facts), *found.withdrawals, mapping=declared.name)
    return found


DAY = "i-1,E1,01/12/2024 09:00,{},1,north,Y"
PER_SUBJECT = INCIDENTS.replace('fact = "UnitDispatched"\nper = "row"', 'fact = "UnitDispatched"\nper = "subject"')
WHOLE = PER_SUBJECT.replace('key = ["unit"]', 'later = "replace"')


def test_what_a_later_row_no_longer_says_is_withdrawn_if_later_rows_replace_earlier_ones(tmp_path: Path) -> None:
    log = Log(tmp_path, WHOLE)
    log.replay(DAY.format("01/12/2024 09:05"))
    assert "i-1 UnitDispatched 01 09:05" in log.in_force()
    found = again(log, DAY.format(""), mapping=WHOLE)
    assert [type(fact).__name__ for fact in found.facts] == ["UnitDispatched"]
    assert log.in_force() == ["i-1 IncidentOpened 01 09:00"]
    assert "1 fact of subjects that this extract reports again are not in it any more and are withdrawn." in "".join(
        left_out_lines(found, 20)
    )
    # A third extract reports it again, and an old one withdraws nothing.
    assert again(log, DAY.format("01/12/2024 09:05"), mapping=WHOLE, hours=2).facts == []
    assert "i-1 UnitDispatched 01 09:05" in log.in_force()
    assert again(log, DAY.format(""), mapping=WHOLE, hours=-5).facts == []
    assert "i-1 UnitDispatched 01 09:05" in log.in_force()


def test_what_an_extract_leaves_out_of_a_subject_is_said_and_still_counts(tmp_path: Path) -> None:
    """The facts of all its rows are compared; those of a row may be in another extract."""
    for mapping, count in ((INCIDENTS, 0), (PER_SUBJECT, 1)):
        log = Log(tmp_path, mapping)
        log.replay(DAY.format("01/12/2024 09:05"))
        found = again(log, DAY.format(""), mapping=mapping)
        assert (len(found.facts), found.withdrawals) == (count, [])
        assert ("--replace FROM TO withdraws them" in "".join(left_out_lines(found, 20))) == bool(count)
        assert "i-1 UnitDispatched 01 09:05" in log.in_force()
