"""Secrets: from a variable or a file, and never displayed."""

import os
from pathlib import Path
from typing import Any

import pytest

from bluelamp.cli import main
from bluelamp.cli.settings import without_passwords
from bluelamp.local.directory import LOG, OUTPUT, STATE, locked
from bluelamp.wiring.settings import Settings, load, secret_in, secret_variables
from facts.errors import SettingError
from producers.kafka import Kafka, kafka_at
from tests.support.command_line import command as run_command

SECRET = "a-secret-that-nobody-may-see"


def test_a_secret_comes_from_its_variable_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    name, from_file = "BLUELAMP_KAFKA_PASSWORD", {"BLUELAMP_KAFKA_PASSWORD_FILE": str(file)}
    assert secret_in({name: SECRET}, name) == secret_in(from_file, name) == SECRET
    assert load(from_file).kafka_password.reveal() == load({name: SECRET}).kafka_password.reveal() == SECRET
    assert secret_in({}, name) == ""
    child = from_file | secret_variables(name, SECRET)
    assert load(child).kafka_password.reveal() == SECRET
    assert load(from_file | load(from_file).environment()).kafka_password.reveal() == SECRET
    (tmp_path / "empty").touch()
    for wrong in (
        {**from_file, name: SECRET},
        {f"{name}_FILE": str(tmp_path / "none")},
        {f"{name}_FILE": str(tmp_path / "empty")},
    ):
        with pytest.raises(SettingError) as caught:
            load(wrong)
        assert SECRET not in str(caught.value)


def test_no_secret_is_displayed() -> None:
    settings = load({"BLUELAMP_KAFKA_PASSWORD": SECRET, "BLUELAMP_REDIS_PASSWORD": SECRET})
    for shown in (repr(settings), repr(settings.state_server()), repr(settings.worker), f"{settings.kafka_password!s}"):
        assert SECRET not in shown
    assert without_passwords(settings.kafka_password) == "(set, hidden)"
    assert without_passwords(Settings().kafka_password) == ""
    variables = {
        "BLUELAMP_KAFKA": "SASL_SSL://localhost:1",
        "BLUELAMP_KAFKA_USER": "u",
        "BLUELAMP_KAFKA_PASSWORD": SECRET,
        "BLUELAMP_REDIS": f"redis://u:{SECRET}@localhost:1/0",
        "BLUELAMP_PEOPLE": f"chief:admin:{SECRET}",
        "BLUELAMP_ENGINE_TOKEN": SECRET,
    }
    for arguments in (["settings"], ["settings", "--json"], ["check"], ["read", "incident_count"]):
        answer = run_command(variables, *arguments)
        assert SECRET not in answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("variables", "what"),
    [
        ({"BLUELAMP_KAFKA": "SASL_SSL://a:1"}, "needs a user and a password"),
        ({"BLUELAMP_KAFKA": "SASL_SSL://a:1,SSL://b:1"}, "different protocols"),
        ({"BLUELAMP_KAFKA": "SASL_SSL://a:1,b:1"}, "different protocols"),
        ({"BLUELAMP_KAFKA": "KAFKA://a:1"}, "no protocol"),
        ({"BLUELAMP_KAFKA": "a:1", "BLUELAMP_KAFKA_USER": "u"}, "does not use it"),
        ({"BLUELAMP_KAFKA": "a:1", "BLUELAMP_KAFKA_CA": "ca.pem"}, "does not use it"),
        (
            {
                "BLUELAMP_KAFKA": "SASL_PLAINTEXT://a:1",
                "BLUELAMP_KAFKA_USER": "u",
                "BLUELAMP_KAFKA_PASSWORD": SECRET,
                "BLUELAMP_KAFKA_MECHANISM": "PLAIN",
            },
            "without encryption",
        ),
    ],
)
def test_settings_of_kafka_that_do_not_agree_are_refused(variables: dict[str, str], what: str) -> None:
    with pytest.raises(SettingError, match=what) as caught:
        load(variables).log()
    assert SECRET not in str(caught.value)


def test_certificates_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.pem"
    text.write_text("this is not a certificate")
    cases: tuple[dict[str, Any], ...] = (
        {"ca": str(tmp_path / "none.pem")},
        {"ca": str(text)},
        {"certificate": str(text)},
        {"key": str(text)},
    )
    for changed in cases:
        with pytest.raises(SettingError, match="BLUELAMP_KAFKA_"):
            Kafka(addresses=("a:1",), protocol="SSL", **changed).options()
    assert kafka_at("a:1, b:2").options() == {"bootstrap_servers": ["a:1", "b:2"], "security_protocol": "PLAINTEXT"}


def test_what_is_written_only_its_user_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command; and `bluelamp up` closes the folders that earlier versions left open."""
    before = os.umask(0o022)
    monkeypatch.setattr(main, "run", lambda: (tmp_path / "written").write_text("figures"))
    monkeypatch.setattr(main, "end_with_parent", lambda: None)
    try:
        main.main()
        assert (tmp_path / "written").stat().st_mode & 0o777 == 0o600
        for name in (LOG, STATE):
            (tmp_path / name).mkdir()
            (tmp_path / name).chmod(0o755)
        with locked(tmp_path):
            assert {(tmp_path / name).stat().st_mode & 0o777 for name in (LOG, STATE, OUTPUT)} == {0o700}
    finally:
        os.umask(before)
