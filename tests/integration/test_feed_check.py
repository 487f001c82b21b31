"""`bluelamp feed check` of a live feed: what arrives while it listens, on a real log, and nothing from before."""

from datetime import timedelta

import pytest

from bluelamp.feeding.feed_check.sources import check_topic
from bluelamp.wiring.clock import wall
from facts.contact import ContactAnswered, ContactOffered
from facts.errors import QuestionError
from measures.rules import Rules
from tests.support.forces import shipped
from tests.support.system import System

FORCE = shipped("staffordshire")


def test_a_live_feed_is_judged_by_what_arrives_meanwhile(system: System) -> None:
    with system.publisher() as publisher:

        def call(number: int, name: str = "call", ago: float = 1.0) -> None:
            at = wall() - timedelta(seconds=ago)
            common = {"force": FORCE.name, "subject_id": f"{name}-{number}", "queue": "emergency"}
            publisher.publish(ContactOffered(fact_id=f"{name}-o{number}", at=at, line="999", **common))  # type: ignore[arg-type]
            publisher.publish(ContactAnswered(fact_id=f"{name}-a{number}", at=at + timedelta(seconds=0.4), **common))  # type: ignore[arg-type]

        def listened(_: float) -> None:
            for number in range(30):
                call(number)
            call(7)
            publisher.flush()

        call(0, "before")
        publisher.flush()
        rules = Rules(FORCE)
        kafka = system.environment()["BLUELAMP_KAFKA"]
        result = check_topic(rules, kafka, "contacts", 5, wait=listened, now=wall)
    found = {each.check: each for each in result.findings}
    assert (result.subjects, result.facts) == (30, 62)
    assert found["keys"].says == "62 facts about 30 subjects."
    assert found["clock"].state == found["order"].state == found["ends"].state == "good"
    assert found["volumes"].state == "unknown"
    assert result.verdict == "ready with limits"
    with pytest.raises(QuestionError, match="no topic"):
        check_topic(rules, kafka, "nonsense", 5, wait=lambda _: None, now=wall)
