"""The parts that answer over HTTP: whether each that this system has is there, and is what it should be."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import requests

from bluelamp.verify.checks.finding import Finding
from bluelamp.wiring.settings import Settings, variable

Get = Callable[[str], requests.Response]
"""Asks an address; raises requests.RequestException when nothing answers in time."""
_ANSWER_SECONDS = 5.0


class ServicePart(NamedTuple):
    """One part, and where it should answer.

    Attributes:
        name: of the part.
        address: empty where this system has none.
        path: what it is asked for.
        says: how its answer begins; empty where the status alone counts.
        start: how it is started.
    """

    name: str
    address: str
    path: str
    says: str
    start: str


def parts(settings: Settings, *, has_senders: bool) -> list[ServicePart]:
    """The parts of a system, with the addresses that its settings name.

    Args:
        settings: of this run.
        has_senders: BLUELAMP_GATEWAY_TOKENS names somebody who may send.
    """
    ours = {
        "exporter": "`bluelamp exporter`",
        "board": "`bluelamp board`",
        "inbox": "`bluelamp inbox serve`",
        "gateway": "`bluelamp gateway`",
    }
    return [
        *(
            ServicePart(name, settings.address(name, has_senders=has_senders), "/health", f"bluelamp {name} ", start)
            for name, start in ours.items()
        ),
        ServicePart("prometheus", settings.prometheus, "/-/ready", "", "Prometheus"),
    ]


def get(address: str) -> requests.Response:
    """Ask an address, through no proxy, and for a few seconds only."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(address, timeout=_ANSWER_SECONDS, allow_redirects=False)


def part_findings(every: list[ServicePart], ask: Get = get) -> Iterator[Finding]:
    """Look at each part."""
    return (_found(each, ask) for each in every)


def _found(part: ServicePart, ask: Get) -> Finding:
    if not part.address:
        return Finding(part.name, "not set up", f"{_setting(part)} names none.")
    trouble = _trouble(part, ask)
    if not trouble:
        return Finding(part.name, "good", f"It answers at {part.address}.")
    hint = (
        f"Start {part.start} again, and read its output. Where it runs elsewhere, set {_setting(part)} to its address"
    )
    hint += "." if part.name == "prometheus" else "; where there is none, to `none`."
    return Finding(part.name, "bad", trouble, part.address, hint)


def _setting(part: ServicePart) -> str:
    return variable(part.name)


def _trouble(part: ServicePart, ask: Get) -> str:
    """What is wrong with its answer; empty when nothing is."""
    try:
        answer = ask(part.address.rstrip("/") + part.path)
    except requests.Timeout:
        return f"It does not answer within {_ANSWER_SECONDS:g} s."
    except requests.RequestException:
        return "Nothing answers there."
    if answer.status_code != requests.codes.ok:
        return f"It answers with status {answer.status_code}."
    if not answer.text.startswith(part.says):
        return f"Something else answers there, and not the {part.name}."
    return ""
