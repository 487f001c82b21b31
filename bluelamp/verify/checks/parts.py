"""Checks of the HTTP services: does each one respond, and is it the right program."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import requests

from bluelamp.verify.checks.result import CheckResult
from bluelamp.wiring.settings import Settings, variable

Get = Callable[[str], requests.Response]
"""Requests an address; raises requests.RequestException when there is no response in time."""
_RESPONSE_SECONDS = 5.0


class ServicePart(NamedTuple):
    """A service, and the response that it should give.

    Attributes:
        name: the name of the service.
        address: its address; empty when this system does not have it.
        path: the path to request.
        says: the beginning of the expected response; empty where only the status counts.
        start: the command that starts it.
    """

    name: str
    address: str
    path: str
    says: str
    start: str


def parts(settings: Settings, *, has_senders: bool) -> list[ServicePart]:
    """The services of a system, with the addresses from its settings.

    Args:
        settings: the settings.
        has_senders: whether BLUELAMP_GATEWAY_TOKENS names any sender.
    """
    ours = {
        "exporter": "`bluelamp exporter`",
        "board": "`bluelamp board`",
        "inbox": "`bluelamp inbox serve`",
        "gateway": "`bluelamp gateway`",
    }
    return [
        *(
            ServicePart(name, address, "/health", f"bluelamp {name} ", start)
            for name, start in ours.items()
            for address in settings.address(name, has_senders=has_senders).split(",")
        ),
        ServicePart("prometheus", settings.prometheus, "/-/ready", "", "Prometheus"),
    ]


def get(address: str) -> requests.Response:
    """Request an address, without a proxy and with a short timeout."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(address, timeout=_RESPONSE_SECONDS, allow_redirects=False)


def service_results(every: list[ServicePart], ask: Get = get) -> Iterator[CheckResult]:
    """Check each service."""
    return (_result(each, ask) for each in every)


def _result(part: ServicePart, ask: Get) -> CheckResult:
    if not part.address:
        return CheckResult(part.name, "not set up", f"{_setting(part)} gives no address.")
    trouble = _trouble(part, ask)
    if not trouble:
        return CheckResult(part.name, "good", f"It responds at {part.address}.")
    hint = f"Restart {part.start} and read its output. If it runs elsewhere, set {_setting(part)} to its address."
    hint += "" if part.name == "prometheus" else f" If you do not use it, set {_setting(part)} to `none`."
    return CheckResult(part.name, "bad", trouble, part.address, hint)


def _setting(part: ServicePart) -> str:
    return variable(part.name)


def _trouble(part: ServicePart, ask: Get) -> str:
    """What is wrong with its response; empty when nothing is."""
    try:
        response = ask(part.address.strip().rstrip("/") + part.path)
    except requests.Timeout:
        return f"It did not respond within {_RESPONSE_SECONDS:g} s."
    except requests.RequestException:
        return "Nothing responds at this address."
    if response.status_code != requests.codes.ok:
        return f"It responded with status {response.status_code}."
    if not response.text.startswith(part.says):
        return f"Another program responds at this address, not the {part.name}."
    return ""
