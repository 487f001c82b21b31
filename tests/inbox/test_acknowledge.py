"""`bluelamp inbox acknowledge` without a token that the inbox knows: the error names the setting."""

from io import BytesIO
from typing import Any

import pytest
import requests

from bluelamp.services.inbox import acknowledge
from bluelamp.wiring.settings import TOKEN, load
from facts.errors import SettingError


@pytest.mark.parametrize(("token", "what"), [("", "No token is set."), ("wrong", "does not know this token")])
def test_a_token_that_the_inbox_does_not_know(token: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def post(_: str, **__: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.raw = 401, BytesIO(b'{"title": "You are not signed in.", "detail": "Sign in."}')
        return response

    monkeypatch.setattr(requests, "post", post)
    with pytest.raises(SettingError, match=what) as raised:
        acknowledge(load({}), {TOKEN: token}, "a1", "")
    assert raised.value.where == TOKEN
