"""Measures of occurrences and victims' referrals, as far as the facts carry them (reports A5)."""

from measures.measure import Count, Decided, Mean, Measure, Selection

OCCURRENCES = (
    Measure(
        name="occurrence_count",
        title="Occurrences",
        question="How many occurrences were recorded?",
        population="Occurrences recorded, by type and area.",
        statistic=Count(Selection("occurrence_recorded")),
        unit="count",
    ),
    Measure(
        name="asb_occurrence_count",
        title="ASB occurrences",
        question="How many occurrences of anti-social behaviour were recorded?",
        population="Occurrences of the three ASB types.",
        statistic=Count(Selection("occurrence_recorded")),
        unit="count",
        where={"type": ("asb_personal", "asb_community", "asb_environmental")},
        rows=("A5.44", "A5.45"),
        notes=(
            (
                "15,297 ASB occurrences are not the 12,309 ASB incidents; the area rows add to 15,299 and 16,409, not to the "
                "totals 15,297 and 16,410 (reports I10)."
            ),
        ),
    ),
    Measure(
        name="asb_incident_count",
        title="ASB incidents",
        question="How many incidents of anti-social behaviour were opened?",
        population="Incidents of the group ASB.",
        statistic=Count(Selection("incident_opened")),
        unit="count",
        where={"group": ("asb",)},
        rows=("A5.43",),
    ),
    Measure(
        name="victim_referred_within_48_hours_ratio",
        title="Victims referred within 48 h",
        question="Of the crimes with a victim, what share was sent to the victims' gateway within 48 hours?",
        population="Victim-based crimes referred, or beyond 48 hours without a referral.",
        clock="Occurrence recorded, to referred; 48 elapsed hours.",
        statistic=Decided(Selection("recorded_to_referred_decided")),
        unit="ratio",
        good="higher",
        target="within 48 hours (S25 section 5; the Code says two working days, reports I9)",
        minimum_n=5,
        rows=("A5.47",),
    ),
    Measure(
        name="victim_referral_mean_seconds",
        title="Average time to refer a victim",
        question="On average, how long did it take to send a victim to the victims' gateway?",
        population="Occurrences referred.",
        clock="Occurrence recorded, to referred.",
        statistic=Mean(Selection("recorded_to_referred")),
        unit="seconds",
        good="lower",
        minimum_n=5,
        rows=("A5.48",),
        notes=("52 h to 40 h is printed as -33 % (-8 hours); it is -23 % and -12 hours (reports I9).",),
    ),
)
