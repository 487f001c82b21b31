"""The forces of the tests: a small one that uses every rule, a second one elsewhere, and the shipped profiles."""

from functools import cache
from importlib.resources import files

from facts.force import Force, parse
from measures.rules import Rules

STRICT_PROFILE = """
name = "strict"
title = "A small force with every rule"
time_zone = "Europe/London"
duplicate_group = "duplicate"
bank_holidays = "england_and_wales"

[[grades]]
label = "1"
name = "Grade 1"
response = "immediate"
attendance_unrecorded_after_seconds = 7200
closure_unrecorded_after_seconds = 18000
[[grades.targets]]
since = 2020-01-01
opened_to_dispatched_seconds = 60
opened_to_arrived_seconds = 600
[[grades.targets]]
since = 2024-10-27
opened_to_dispatched_seconds = 120
dispatched_to_arrived_seconds = 780
opened_to_arrived_seconds = 900
[[grades.targets]]
since = 2025-07-01
opened_to_arrived_seconds = 600

[[grades]]
label = "2"
name = "Grade 2"
response = "priority"
[[grades.targets]]
since = 2024-01-01
opened_to_arrived_seconds = 7200

[[grades]]
label = "3"
name = "Grade 3"
response = "scheduled"

[[areas]]
label = "north"
name = "North"
[[areas]]
label = "south"
name = "South"
[[areas]]
label = "Zulu"
name = "Zulu"

[[groups]]
label = "crime"
name = "Crime"
[[groups]]
label = "transport"
name = "Transport"
[[groups]]
label = "duplicate"
name = "Duplicate"

[[categories]]
label = "home_burglary"
name = "Burglary (home)"

[[queues]]
label = "emergency"
name = "999"
line = "999"
short_abandon_seconds = 5
[[queues.targets]]
since = 2020-01-01
seconds = 15
[[queues.targets]]
since = 2024-10-27
seconds = 10
is_inclusive = false
[[queues.targets]]
since = 2025-03-30
seconds = 15
[[queues.targets]]
since = 2025-10-26
[[queues]]
label = "triage"
name = "Triage"
line = "101"
end_unrecorded_after_seconds = 5400
declined_callbacks_reported = true
[[queues.targets]]
since = 2024-10-27
seconds = 120
[[queues]]
label = "local"
name = "Local"
line = "101"
[[queues.targets]]
since = 2020-01-01
seconds = 60
[[queues.targets]]
since = 2024-10-27

[[channels]]
label = "contact_us"
name = "Contact us"
online_home = true
[[channels]]
label = "livechat"
name = "LiveChat"

[[suites]]
label = "one"
name = "One"
[[suites]]
label = "two"
name = "Two"

[[skills]]
label = "all_calls"
name = "All calls"
queues = ["emergency", "triage", "local"]
[[skills]]
label = "routine"
name = "101 only"
queues = ["triage", "local"]

[[occurrence_types]]
label = "asb_personal"
name = "ASB personal"
family = "asb"
[[occurrence_types]]
label = "theft"
name = "Theft"
family = "crime"
[[occurrence_types]]
label = "collision"
name = "Collision"
family = "fatal_collision"
[[occurrence_types]]
label = "search"
name = "Search"
family = "stop_and_search"
[[occurrence_types]]
label = "school"
name = "School notified"
family = "school_notification"

[[shifts]]
label = "day"
name = "Day"
start = 07:00:00
end = 19:00:00
[[shifts]]
label = "night"
name = "Night"
start = 18:30:00
end = 07:00:00

[[feeds]]
name = "telephony"
topic = "contacts"
[[feeds]]
name = "digital"
topic = "contacts"
[[feeds]]
name = "dispatch"
topic = "incidents"
[[feeds]]
name = "custody"
topic = "custody"
[[feeds]]
name = "records"
topic = "occurrences"
[[feeds]]
name = "call_takers"
topic = "call_takers"
"""

_ELSEWHERE = """
name = "elsewhere"
title = "Elsewhere"
time_zone = "America/Los_Angeles"

[[grades]]
label = "E"
name = "Echo"
response = "immediate"
"""

STRICT: Force = parse(STRICT_PROFILE, "tests/support/forces.py")
ELSEWHERE: Force = parse(_ELSEWHERE, "tests/support/forces.py")
FORCES = (STRICT, ELSEWHERE)


@cache
def shipped(name: str) -> Force:
    """A profile that is shipped with Blue Lamp."""
    return parse(files("facts").joinpath("forces", f"{name}.toml").read_text(), name)


def rules(*forces: Force) -> dict[str, Rules]:
    """The rules of each force, by its name."""
    return {force.name: Rules(force) for force in forces}
