"""What a check says of the parts that answer over HTTP: there, gone, frozen, another program, or not set up."""

import pytest
import requests

from bluelamp.verify.checks.parts import parts, service_results
from bluelamp.verify.checks.result import CheckResult, lines, status
from bluelamp.wiring.settings import Settings

NAMES = ("exporter", "board", "inbox", "gateway", "prometheus")


def answer(code: int, text: str) -> requests.Response:
    """An answer as a part gives it."""
    made = requests.Response()
    made.status_code, made._content = code, text.encode()  # noqa: SLF001 - as the library fills it
    return made


def found(
    settings: Settings, response: requests.Response | Exception, *, has_senders: bool = True
) -> dict[str, CheckResult]:
    """The findings where every part answers alike."""

    def ask(_: str) -> requests.Response:
        if isinstance(response, Exception):
            raise response
        return response

    return {each.check: each for each in service_results(parts(settings, has_senders=has_senders), ask)}


def test_each_part_is_asked_at_its_own_address_for_what_is_cheap() -> None:
    settings = Settings(
        board_port=1, exporter_port=2, inbox="http://inbox:38/", gateway_port=4, prometheus="http://prom:9090"
    )
    asked: list[str] = []

    def ask(address: str) -> requests.Response:
        asked.append(address)
        name = next(name for name, place in places.items() if address.startswith(place))
        return answer(200, f"bluelamp {name} ok\n")

    places = {
        "exporter": "http://127.0.0.1:2/", "board": "http://127.0.0.1:1/", "inbox": "http://inbox:38/",
        "gateway": "http://127.0.0.1:4/", "prometheus": "http://prom:9090/",
    }  # fmt: skip
    assert {
        each.check: each.state for each in service_results(parts(settings, has_senders=True), ask)
    } == dict.fromkeys(NAMES, "good")
    assert asked == [
        "http://127.0.0.1:2/health", "http://127.0.0.1:1/health", "http://inbox:38/health", "http://127.0.0.1:4/health",
        "http://prom:9090/-/ready",
    ]  # fmt: skip


def test_what_is_not_set_up_is_said_so_and_not_asked() -> None:
    none = Settings(board="none", exporter="none", inbox="none")
    assert {each.state for each in found(none, AssertionError("asked"), has_senders=False).values()} == {"not set up"}
    assert status(list(found(none, AssertionError("asked"), has_senders=False).values())) == 0


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (requests.ConnectionError(), "Nothing responds at this address."),
        (requests.Timeout(), "It did not respond within 5 s."),
        (answer(503, "bluelamp board ok\n"), "It responded with status 503."),
        (answer(302, ""), "It responded with status 302."),
        (answer(200, "<html>"), "Another program responds at this address, not the "),
    ],
)
def test_a_part_that_is_set_up_and_does_not_answer_well_is_bad(
    response: requests.Response | Exception, words: str
) -> None:
    findings = found(Settings(), response)
    assert findings.pop("prometheus").state == "not set up"
    for name, finding in findings.items():
        assert finding.state == "bad"
        assert finding.what.startswith(words)
        (line, where, hint) = lines(finding)
        assert line.startswith(f"bad        {name}: ")
        assert where == f"  where: http://127.0.0.1:{getattr(Settings(), f'{name}_port')}"
        assert f"BLUELAMP_{name.upper()}" in hint


def test_what_is_unknown_is_not_well_and_nothing_seen_is_not_either() -> None:
    good, unknown, bad = (CheckResult("x", state, "") for state in ("good", "unknown", "bad"))
    assert [status([good]), status([good, unknown]), status([unknown, bad]), status([])] == [0, 1, 2, 1]
