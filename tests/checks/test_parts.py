"""The results of checks of the parts that respond over HTTP: running, gone, frozen, another program, or not set up."""

import pytest
import requests

from bluelamp.verify.checks.parts import parts, service_results
from bluelamp.verify.checks.result import CheckResult, lines, status
from bluelamp.wiring.settings import Settings

NAMES = ("exporter", "board", "inbox", "gateway", "prometheus")


def answer(code: int, text: str) -> requests.Response:
    """A response as a part would send it."""
    made = requests.Response()
    made.status_code, made._content = code, text.encode()  # noqa: SLF001 - as the library fills it
    return made


def checked(
    settings: Settings, response: requests.Response | Exception, *, has_senders: bool = True
) -> dict[str, CheckResult]:
    """The results if every part gives the same response."""

    def ask(_: str) -> requests.Response:
        if isinstance(response, Exception):
            raise response
        return response

    return {each.check: each for each in service_results(parts(settings, has_senders=has_senders), ask)}


def test_each_part_gets_a_cheap_request_at_its_own_address() -> None:
    settings = Settings(
        board_port=1, exporter_port=2, inbox="http://inbox:38/", gateway_port=4, prometheus="http://prom:9090"
    )
    requested: list[str] = []

    def ask(address: str) -> requests.Response:
        requested.append(address)
        name = next(name for name, place in places.items() if address.startswith(place))
        return answer(200, f"bluelamp {name} ok\n")

    places = {
        "exporter": "http://127.0.0.1:2/", "board": "http://127.0.0.1:1/", "inbox": "http://inbox:38/",
        "gateway": "http://127.0.0.1:4/", "prometheus": "http://prom:9090/",
    }  # fmt: skip
    assert {
        each.check: each.state for each in service_results(parts(settings, has_senders=True), ask)
    } == dict.fromkeys(NAMES, "good")
    assert requested == [
        "http://127.0.0.1:2/health", "http://127.0.0.1:1/health", "http://inbox:38/health", "http://127.0.0.1:4/health",
        "http://prom:9090/-/ready",
    ]  # fmt: skip


def test_a_part_that_is_not_set_up_is_reported_as_such_and_gets_no_request() -> None:
    none = Settings(board="none", exporter="none", inbox="none")
    assert {each.state for each in checked(none, AssertionError("request"), has_senders=False).values()} == {
        "not set up"
    }
    assert status(list(checked(none, AssertionError("request"), has_senders=False).values())) == 0


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
def test_a_part_that_is_set_up_and_does_not_respond_properly_is_bad(
    response: requests.Response | Exception, words: str
) -> None:
    results = checked(Settings(), response)
    assert results.pop("prometheus").state == "not set up"
    for name, result in results.items():
        assert result.state == "bad"
        assert result.what.startswith(words)
        (line, where, hint) = lines(result)
        assert line.startswith(f"bad        {name}: ")
        assert where == f"  where: http://127.0.0.1:{getattr(Settings(), f'{name}_port')}"
        assert f"BLUELAMP_{name.upper()}" in hint


def test_neither_unknown_nor_an_empty_result_is_good() -> None:
    good, unknown, bad = (CheckResult("x", state, "") for state in ("good", "unknown", "bad"))
    assert [status([good]), status([good, unknown]), status([unknown, bad]), status([])] == [0, 1, 2, 1]
