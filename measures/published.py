"""The figures of the published reports, exactly as printed and never corrected (reports A1 to A5)."""

from collections.abc import Iterable, Mapping

from measures.measure import PublishedFigure

_12M, _PREVIOUS, _LAST = "2024-01-01/2025-01-01", "2023-01-01/2024-01-01", "2024-12-01/2025-01-01"
_BT = "2023-12-01/2024-12-01"
_MONTHS = tuple(f"2024-{month:02}-01/{2024 + month // 12}-{month % 12 + 1:02}-01" for month in range(1, 13))
_CALLS, _CENTRE, _FOREWORD = "S25 section 6.1", "S25 section 6", "S25 section 1.1"
_DEMAND, _RESPONSE, _CUSTODY = "S25 Context - Incidents", "S25 section 6.2", "S25 Context - Custody"
_ASB, _VICTIMS = "S25 section 6.4", "S25 section 5"
_CRIME = "S18 Overall Crime Performance"

_Row = tuple[str, PublishedFigure]


def _figure(
    measure: str,
    period: str,
    figure: str,
    unit: str,
    source: str,
    note: str = "",
    where: Mapping[str, str] | None = None,
) -> _Row:
    return measure, PublishedFigure(figure, unit, period, source, where or {}, note)


def _periods(measure: str, unit: str, source: str, **figures: str) -> Iterable[_Row]:
    """The usual columns of one row: the last 12 months, the 12 months before, the last month."""
    periods = {"year": _12M, "previous": _PREVIOUS, "last": _LAST}
    return (_figure(measure, periods[name], figure, unit, source) for name, figure in figures.items())


def _months(measure: str, unit: str, source: str, figures: str) -> Iterable[_Row]:
    """A column of twelve months."""
    return (_figure(measure, month, each, unit, source) for month, each in zip(_MONTHS, figures.split(), strict=True))


def _table(measure: str, dimension: str, unit: str, source: str, table: str) -> Iterable[_Row]:
    """A table of `label 12m previous` lines."""
    for line in table.strip().splitlines():
        label, year, previous = line.split()
        for period, figure in ((_12M, year), (_PREVIOUS, previous)):
            yield _figure(measure, period, figure, unit, source, where={dimension: label})


def _contact() -> Iterable[_Row]:
    yield from _periods("contact_999_offered_count", "", _CALLS, year="212246", previous="238487")
    yield _figure(
        "contact_999_national_count", _BT, "210,266", "", _CENTRE, "26th of 42 forces; decrease of 20,232 or 8.8%"
    )
    yield from _periods("contact_999_answer_mean_seconds", "seconds", _CALLS, year="10.01", previous="10.28")
    yield _figure(
        "contact_999_national_answer_mean_seconds",
        _BT,
        "12.65",
        "seconds",
        _CENTRE,
        "40th of 42; improved by 1.4 seconds",
    )
    for source, rank in (
        (_CENTRE, "17th of 42 forces"),
        (_CALLS, "26th nationally, 4th of similar forces, 3rd regionally"),
    ):
        note = f"BT's data and clock; {rank}; improved by two per cent (reports I3, I12)"
        yield _figure("contact_999_answered_within_target_ratio", _BT, "85.5 per cent", "%", source, note)
    yield from _periods("contact_999_abandoned_ratio", "%", _CALLS, year="0.70%", previous="0.81%")
    yield _figure("contact_101_offered_count", _12M, "-5.2%", "% change", _CALLS, "the volume is only in a chart")
    yield from _periods("contact_101_answer_mean_seconds", "minutes", _FOREWORD, year="8.8", previous="9.4")
    yield _figure("contact_101_answer_mean_seconds", _LAST, "5.9", "minutes", _CALLS)
    yield _figure(
        "contact_101_answered_within_target_ratio", "2023-12-01/2024-11-01", "between 40 and 50 per cent", "%", _CALLS
    )
    yield _figure("contact_101_answered_within_target_ratio", "2024-11-01/2025-01-01", "52 per cent", "%", _CALLS)
    yield _figure("triage_abandoned_ratio", _12M, "13 per cent", "%", _CALLS)
    yield _figure("triage_abandoned_ratio", "2024-11-01/2025-01-01", "9.9 per cent", "%", _CALLS)
    yield _figure("triage_answered_share_ratio", _12M, "72 per cent", "%", _CALLS)
    yield _figure("triage_answered_share_ratio", "2024-10-01/2025-01-01", "75 per cent", "%", _CALLS)
    yield _figure("triage_resolved_ratio", _12M, "Approximately fifty per cent", "%", _CALLS, "each month")
    yield _figure("post_triage_abandoned_ratio", _12M, "45.9 per cent", "%", _CALLS)
    yield _figure("post_triage_abandoned_within_20_minutes_ratio", _12M, "58 per cent", "%", _CALLS)
    yield from _bands()


_BAND_TABLE = """
00000-01200 18667 52%
01200-02400 7471 21%
02400-03600 4589 13%
03600-04800 2458 7%
04800-06000 1319 4%
06000-07200 650 2%
07200- 550 2%
00000-00300 9553 27%
00300-00600 3645 10%
00600-00900 2945 8%
00900-01200 2524 7%
"""


def _bands() -> Iterable[_Row]:
    measure = "post_triage_answer_bands"
    yield _figure(measure, _12M, "35704", "", _CALLS, "total")
    for line in _BAND_TABLE.strip().splitlines():
        band, count, share = line.split()
        note = "0-20 minutes: the sum of our first four bands of 5 minutes" if band == "00000-01200" else ""
        for figure, unit in ((count, ""), (share, "%")):
            yield _figure(measure, _12M, figure, unit, _CALLS, note, {"band": band})


_DIGITAL_MONTHS = {
    "existing_case": "180 193 220 210 209 262 332 330 291 280 217 222",
    "asb": "303 282 303 386 501 421 525 512 349 328 276 266",
    "contact_us": "1930 1787 1779 1783 1771 1725 1809 1916 1867 2026 1803 1685",
    "feedback_complaints": "121 113 134 138 136 142 157 170 129 180 128 102",
    "online_crime": "1294 1498 1802 2086 1981 2087 2289 2232 1964 2068 1777 1626",
    "rti": "274 279 350 363 381 421 436 469 455 439 343 313",
    "digital_101": "40 31 21 30 25 21 24 34 18 13 10 19",
    "livechat": "496 371 188 299 442 427 372 358 240 222 240 369",
}
_DIGITAL_YEAR = {
    "existing_case": "2946",
    "asb": "4452",
    "contact_us": "21881",
    "feedback_complaints": "1650",
    "online_crime": "22704",
    "rti": "4523",
    "digital_101": "286",
    "livechat": "4024",
}
_ONLINE_HOME_MONTHS = "4102 4152 4588 4966 4979 5058 5548 5629 5055 5321 4544 4214"
_DIGITAL_TOTALS = "4638 4554 4797 5295 5446 5506 5944 6021 5313 5556 4794 4602"


def _digital() -> Iterable[_Row]:
    measure = "digital_offered_count"
    yield from _periods(measure, "", _CALLS, year="62466", previous="65690")
    yield from _months(measure, "", _CALLS, _DIGITAL_TOTALS)
    yield _figure(measure, _12M, "58156", "", _CALLS, "Total SOH", {"online_home": "yes"})
    for channel, figure in _DIGITAL_YEAR.items():
        yield _figure(measure, _12M, figure, "", _CALLS, where={"channel": channel})
        for month, count in zip(_MONTHS, _DIGITAL_MONTHS[channel].split(), strict=True):
            yield _figure(measure, month, count, "", _CALLS, where={"channel": channel})
    for month, count in zip(_MONTHS, _ONLINE_HOME_MONTHS.split(), strict=True):
        yield _figure(measure, month, count, "", _CALLS, "Total SOH", {"online_home": "yes"})
    kept = "contact_us_to_contact_centre_ratio"
    yield _figure(kept, _12M, "57 per cent", "%", _CALLS, "43 per cent went to other departments")


_GROUPS = """
transport 33,876 31,104
administration 21,271 20,865
crime 66,501 65,426
alarm 1,548 1,606
domestic 25,589 27,042
duplicate_out_of_force 9,033 9,930
police_generated 1,153 1,319
asb 12,309 14,384
public_safety_welfare 81,633 101,879
other 4 7
"""
_AREAS = """
moorlands 13,786 13,412
sot_north 38,110 38,634
lichfield 16,989 17,426
east_staffs 22,963 23,677
cannock 17,705 18,279
stafford 28,370 29,316
south_staffs 18,382 19,206
newcastle 22,781 24,804
tamworth 12,514 13,697
sot_south 38,398 42,867
none 22,919 32,244
"""


def _incident() -> Iterable[_Row]:
    yield from _periods("incident_count", "", _DEMAND, year="252,917", previous="273,562")
    yield from _table("incident_count", "group", "", _DEMAND, _GROUPS)
    yield from _table("incident_count", "area", "", _DEMAND, _AREAS)
    yield from _periods("incident_demand_count", "", _DEMAND, year="260,123", previous="280,879")
    yield from _periods("incident_resourced_count", "", _DEMAND, year="156,550", previous="161,001")
    yield from _grade_1("opened_to_dispatched", "5.30 5.13 4.87", "5.15% 5.57% 6.01%")
    yield from _grade_1("dispatched_to_arrived", "9.65 9.62 9.78", "64.96% 65.52% 63.59%")
    yield from _grade_1("opened_to_arrived", "16.85 16.58 16.40", "41.17% 42.33% 42.38%")
    span = "grade_2_opened_to_arrived"
    yield from _periods(f"{span}_median_seconds", "minutes", _RESPONSE, year="123.27", previous="183.93", last="74.03")
    yield from _periods(f"{span}_within_target_ratio", "%", _RESPONSE, year="36.12%", previous="27.34%", last="51.33%")
    yield from _domestic()
    note = "early indications; no n"
    yield _figure("video_response_satisfaction_ratio", _12M, "100 per cent", "%", _FOREWORD, note)
    note = '"around 94 per cent" without 38 that were not a crime, 26 not residential and 9 unconnected buildings'
    yield _figure("home_burglary_attended_ratio", _12M, "91 per cent", "%", "S25 section 6.3", note)


def _grade_1(span: str, medians: str, shares: str) -> Iterable[_Row]:
    names = ("year", "previous", "last")
    for statistic, unit, figures in (("median_seconds", "minutes", medians), ("within_target_ratio", "%", shares)):
        columns = dict(zip(names, figures.split(), strict=True))
        yield from _periods(f"grade_1_{span}_{statistic}", unit, _RESPONSE, **columns)


_DOMESTIC_VOLUMES = "585 581 610 531 506 480 520 526 495 412 353 305"
_DOMESTIC_MEDIANS = (
    "22:24:02 23:23:05 31:18:32 19:16:30 16:21:10 21:08:55 22:45:11 16:24:19 17:43:17 13:43:12 07:06:43 03:45:00"
)


def _domestic() -> Iterable[_Row]:
    volume, median = "domestic_grade_2_count", "domestic_grade_2_opened_to_arrived_median_seconds"
    yield from _periods(volume, "", _RESPONSE, year="5904")
    yield from _months(volume, "", _RESPONSE, _DOMESTIC_VOLUMES)
    for name in (median, "domestic_grade_2_opened_to_attended_median_seconds"):
        yield from _periods(name, "hours:minutes:seconds", _RESPONSE, year="17:43:13")
        yield from _months(name, "hours:minutes:seconds", _RESPONSE, _DOMESTIC_MEDIANS)
    note = "called the improved figure; in the table of section 6.2 it is the previous year's (reports I5)"
    yield _figure("domestic_grade_2_opened_to_arrived_within_target_ratio", _12M, "27 per cent", "%", _FOREWORD, note)


_CUSTODY_MONTHS = ("2024-09-01/2024-10-01", "2024-10-01/2024-11-01", "2024-11-01/2024-12-01", _LAST)
_CUSTODY_ROWS = """
arrest_count count 17229 15283 1393 1452 1341 1507
detention_mean_seconds hours 15.8 17.8 14.6 15.6 14.4 13.2
child_detained_count count 917 875 101 105 70 58
child_detention_mean_seconds hours 10.2 11.1 8.8 10.1 10.6 7.9
custody_waiting_mean_seconds minutes 33.6 34.1 33.3 31.5 28.0 28.0
bail_ratio % 41.8% 38.8% 44.8% 42.8% 41.1% 41.5%
released_under_investigation_ratio % 20.7% 25.3% 19.6% 16.6% 11.9% 12.6%
voluntary_attendance_count count 3171 3461 237 290 258 235
"""


def _custody() -> Iterable[_Row]:
    for line in _CUSTODY_ROWS.strip().splitlines():
        measure, unit, *figures = line.split()
        for period, figure in zip((_12M, _PREVIOUS, *_CUSTODY_MONTHS), figures, strict=True):
            yield _figure(measure, period, figure, "" if unit == "count" else unit, _CUSTODY)


_ASB_TYPES = """
asb_environmental 225 216
asb_community 11,588 11,462
asb_personal 3,484 4,732
"""
_ASB_AREAS = """
sot_north 3,546 3,101
moorlands 839 758
newcastle 1,749 1,939
cannock 1,059 1,176
lichfield 824 921
sot_south 3,089 3,459
east_staffs 1,215 1,427
stafford 1,556 1,865
south_staffs 652 807
tamworth 714 893
none 43 50
out_of_force 13 13
"""
_REFERRED_MONTHS = "74.2% 77.3% 82.9% 76.4% 78.5% 80.5% 79.3% 77.2% 77.5% 75.7% 74.1% 71.9%"


_CRIME_TYPES = """
theft_of_motor_vehicles 1907 1371
personal_robbery 799 634
possession_of_weapons 721 595
burglary_business_community 2217 1939
business_robbery 129 115
rape 1140 1025
other_violence 18955 17297
other_serious_sexual_offences 1561 1454
less_serious_violence_with_injury 9864 9951
criminal_damage 10479 10603
other_theft 17948 18358
public_order 4197 4299
arson 483 503
theft_from_motor_vehicles 3151 3365
other_sexual_offences 640 684
more_serious_violence_with_injury 854 937
burglary_residential 3850 4287
other_offences 1660 1877
handling_stolen_goods 64 73
drug_offences 1802 2218
vehicle_interference 589 739
"""
_CRIME_AREAS = """
sot_south 14221 13345
sot_north 15932 15432
lichfield 5546 5489
moorlands 4700 4702
south_staffs 5567 5586
stafford 7954 8025
cannock 6851 6931
east_staffs 8104 8260
tamworth 5659 5778
newcastle 8476 8776
"""


def _crime() -> Iterable[_Row]:
    """The crime tables of 2018, for years that end in September."""
    periods = ("2017-10-01/2018-10-01", "2016-10-01/2017-10-01")
    note = "by date of offence; sexual and drug offences by date of recording (reports I19)"
    for dimension, table in (("", "total 83010 82324"), ("type", _CRIME_TYPES), ("area", _CRIME_AREAS)):
        for line in table.strip().splitlines():
            label, *figures = line.split()
            for period, figure in zip(periods, figures, strict=True):
                where = {dimension: label} if dimension else {}
                yield _figure("crime_count", period, figure, "", _CRIME, note, where)


def _occurrence() -> Iterable[_Row]:
    yield from _crime()
    yield from _periods("asb_incident_count", "", _DEMAND, year="12,309", previous="14,384")
    yield from _periods("asb_occurrence_count", "", _ASB, year="15,297", previous="16,410")
    yield from _table("asb_occurrence_count", "type", "", _ASB, _ASB_TYPES)
    yield from _table("asb_occurrence_count", "area", "", _ASB, _ASB_AREAS)
    yield from _periods("victim_referred_within_48_hours_ratio", "%", _VICTIMS, year="77.1%", previous="64.2%")
    yield from _months("victim_referred_within_48_hours_ratio", "%", _VICTIMS, _REFERRED_MONTHS)
    mean = "victim_referral_mean_seconds"
    yield from _periods(mean, "days and hours", _VICTIMS, year="1 day 16 hours", previous="2 days 4 hours")
    yield from _repeats()


def _repeats() -> Iterable[_Row]:
    """Shares of people and addresses, and the column "Crimes" of the two victim tables, which counts links."""
    for who, share, note in (
        ("suspect", "21 per cent", "867 suspects or offenders, 56 fewer than the year before"),
        ("victim", "12 per cent", "600 victims, 63 fewer than the year before"),
        ("address", "21 per cent", "1,577 addresses, 170 fewer than the year before"),
    ):
        yield _figure(f"asb_repeat_{who}_ratio", _12M, share, "%", _ASB, note)
    for of, period, share, victims, crimes in (
        ("crime", _12M, "19%", "51369", "68510"),
        ("crime", _PREVIOUS, "21%", "51532", "71169"),
        ("domestic", _12M, "27%", "16255", "25750"),
        ("domestic", _PREVIOUS, "31%", "16715", "28612"),
    ):
        yield _figure(
            f"{of}_repeat_victim_ratio", period, share, "%", _VICTIMS, f"of {victims} victims, each counted once"
        )
        yield _figure(
            f"{of}_victim_linked_count", period, crimes, "", _VICTIMS, f'column "Crimes", of {victims} victims'
        )


def _counted() -> Iterable[_Row]:
    """Victim contracts and plain counts."""
    code, note = "S25 section 5.1", "48070 closed VCOP relevant occurrences (crimes with an outcome)"
    yield _figure("victim_contract_closed_count", _12M, "48070", "", code, '"VCOP Relevant Occurrences"')
    for name, share in (("compliant", "89.77%"), ("timely", "76.00%")):
        yield _figure(f"victim_contract_{name}_ratio", _12M, share, "%", code, note)
    notifications = "school_notification_count"
    yield _figure(notifications, "2021-02-01/2025-01-01", "30,679", "", "S25 section 8.2", "since February 2021")
    yield from _periods("fatal_collision_count", "", "S25 section 7.4", year="35", previous="40", last="7")
    yield _figure(
        "stop_and_search_count", _12M, "17 per cent", "% change", _FOREWORD, "945 more; the total is not printed"
    )


def _by_measure() -> dict[str, tuple[PublishedFigure, ...]]:
    figures: dict[str, list[PublishedFigure]] = {}
    for part in (_contact, _digital, _incident, _custody, _occurrence, _counted):
        for measure, figure in part():
            figures.setdefault(measure, []).append(figure)
    return {measure: tuple(found) for measure, found in figures.items()}


PUBLISHED: dict[str, tuple[PublishedFigure, ...]] = _by_measure()
"""Each measure's name to its published figures."""

OF_FORCE = "staffordshire"
"""The name of the profile of the force that published them."""
