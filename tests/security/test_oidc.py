"""Signing in at an OpenID Connect provider, and every answer of a provider that must not let anybody in."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from msgspec.structs import replace
from redis import Redis
from starlette.applications import Starlette
from starlette.routing import Mount

from alerts.inbox.api.app import api
from alerts.inbox.api.guard import EVERYONE, Guard
from alerts.inbox.api.oidc import Provider
from alerts.inbox.api.people import People, Person
from alerts.inbox.log.stream import InboxLog
from bluelamp.embedded.state import StateServer
from bluelamp.services.alerts import provider_of, viewers
from bluelamp.wiring.clock import wall
from bluelamp.wiring.hosts import host_names
from bluelamp.wiring.settings import Settings
from facts.errors import SettingError
from producers.http.problem import ProblemError
from producers.secret import Secret
from tests.support.inbox import Clock, parts, served
from tests.support.provider import CLIENT, SECRET, TestProvider, key, provider

ADDRESS = "http://127.0.0.1:1"


@pytest.fixture
def running() -> Iterator[TestProvider]:
    with provider() as one:
        yield one


def settings_of(running: TestProvider, address: str = ADDRESS) -> Settings:
    """The settings of a system that is registered at the provider."""
    return Settings(
        oidc_issuer=running.issuer,
        oidc_client=CLIENT,
        oidc_secret=Secret(SECRET),
        oidc_address=address,
        oidc_roles="staff=view,duty=act",
    )


def own_provider(running: TestProvider, address: str = ADDRESS) -> Provider:
    """The provider as this system uses it."""
    own = provider_of(settings_of(running, address))
    assert own is not None
    return own


def signed_in(own: Provider, verifier: str = "", **changed: str) -> Person:
    """Who is signed in after a whole sign-in, parts of which a test may change."""
    url, begun = own.begin("/")
    answer = requests.get(url, allow_redirects=False, timeout=60).headers["Location"]
    query = dict(each.split("=") for each in answer.partition("?")[2].split("&"))
    return own.finish(replace(begun, verifier=verifier or begun.verifier), query | changed)


def test_a_person_has_the_highest_role_of_their_groups(running: TestProvider) -> None:
    person = signed_in(own_provider(running))
    assert (person.login, person.role) == ("j.smith", "act")
    running.claims["groups"] = "staff"
    assert signed_in(own_provider(running)).role == "view"


@pytest.mark.parametrize(
    ("claims", "header"),
    [
        ({"iss": "https://elsewhere.example"}, {}),
        ({"aud": "another-client"}, {}),
        ({"aud": [CLIENT, "other"], "azp": "other"}, {}),
        ({"exp": 1}, {}),
        ({"nonce": "another"}, {}),
        ({"nonce": ""}, {}),
        ({"groups": ["visitors"]}, {}),
        ({"groups": {"duty": 1}}, {}),
        ({"preferred_username": "j smith\n"}, {}),
        ({"preferred_username": ["j.smith"]}, {}),
        ({}, {"alg": "none"}),
        ({}, {"alg": "HS256"}),
    ],
)
def test_an_invalid_token_is_refused(running: TestProvider, claims: dict[str, Any], header: dict[str, Any]) -> None:
    running.claims |= claims
    running.header |= header
    with pytest.raises(ProblemError) as caught:
        signed_in(own_provider(running))
    assert caught.value.problem.status in (401, 403)
    assert SECRET not in str(caught.value.problem)


def test_a_wrong_state_code_or_verifier_is_refused(running: TestProvider) -> None:
    own = own_provider(running)
    with pytest.raises(ProblemError):
        signed_in(own, state="another")
    with pytest.raises(ProblemError):
        signed_in(own, code="another")
    with pytest.raises(ProblemError):  # PKCE: the code alone is not enough
        signed_in(own, verifier="v" * 43)
    running.refuses = True
    with pytest.raises(ProblemError):
        signed_in(own)


def test_a_provider_may_change_its_keys_and_a_foreign_key_is_refused(running: TestProvider) -> None:
    own = own_provider(running)
    signed_in(own)
    running.key = running.published = key("two")
    running.header["kid"] = "two"
    assert signed_in(own).login == "j.smith"
    assert running.requests.count("/keys") == 2
    running.key = key("two", 1)
    with pytest.raises(ProblemError, match="not valid"):
        signed_in(own)


def test_a_browser_signs_in_and_comes_back_to_its_page(running: TestProvider, state_backend: StateServer) -> None:
    people = People([], wall, provider_secret=SECRET)
    with Redis.from_url(state_backend.url, decode_responses=True) as redis:
        inbox = parts(InboxLog(redis, "test:oidc"), Clock(), Guard(people, EVERYONE))
        application = Starlette()
        with served(application) as root, requests.Session() as browser:
            whole = api(replace(inbox, provider=own_provider(running, root)))
            application.router.routes.append(Mount("/api/alerts", whole))
            page = browser.get(f"{root}/api/alerts/sign-in?next=/feeds", timeout=60).text
            assert 'href="oidc?next=/feeds"' in page
            back = browser.get(f"{root}/api/alerts/oidc?next=/feeds", timeout=60)
            assert back.status_code == 200
            assert 'content="0; url=/feeds"' in back.text
            session = browser.get(f"{root}/api/alerts/session", timeout=60).json()
            assert (session["login"], session["role"]) == ("j.smith", "act")
            # The same answer again, and an answer in a browser that never began.
            assert browser.get(back.url, timeout=60).status_code == 400
            assert requests.get(back.url, timeout=60).status_code == 400
            elsewhere = browser.get(f"{root}/api/alerts/oidc?next=https://evil.example", timeout=60)
            assert 'url=/"' in elsewhere.text


@pytest.mark.parametrize(
    "changed",
    [
        {"oidc_issuer": "http://provider.example"},
        {"oidc_address": "http://board.example"},
        {"oidc_client": ""},
        {"oidc_secret": Secret("")},
        {"oidc_roles": ""},
        {"oidc_roles": "staff=engine"},
    ],
)
def test_incomplete_or_unencrypted_settings_are_refused(running: TestProvider, changed: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        provider_of(replace(settings_of(running), **changed))


def test_with_a_provider_nothing_is_open_by_default(running: TestProvider) -> None:
    settings = settings_of(running, "https://board.example")
    assert viewers(settings, "127.0.0.1").board == "view"
    assert "board.example" in host_names(settings, "127.0.0.1")
    assert provider_of(Settings()) is None
