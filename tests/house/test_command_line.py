"""The command line: every command and setting is described, and errors in settings name the variable."""

import inspect

import click
import pytest
from click.testing import CliRunner

from bluelamp.cli.main import GROUPS, cli, every_command
from bluelamp.wiring.settings import Settings, descriptions, load
from facts.errors import BlueLampError, SettingError

COLUMNS = 80


def test_every_command_has_one_line_in_the_help() -> None:
    shown = CliRunner().invoke(cli, ["--help"], terminal_width=COLUMNS).output.splitlines()
    for commands in GROUPS.values():
        for command, text in commands.items():
            (line,) = [line for line in shown if line.split()[:1] == [command]]
            assert line.endswith(text), line
            assert len(line) < COLUMNS


def test_every_subcommand_has_one_whole_line_in_the_help_of_its_group() -> None:
    groups = [each for each in every_command().values() if isinstance(each, click.Group)]
    assert groups
    for group in groups:
        shown = CliRunner().invoke(group, ["--help"], terminal_width=COLUMNS).output
        assert "..." not in shown.partition("Commands:")[2], shown


def test_every_option_of_every_command_has_help() -> None:
    for command in every_command().values():
        assert command.help, command.name
        options = (each for each in command.params if isinstance(each, click.Option))
        # A list of formats needs no further explanation.
        undescribed = [each.name for each in options if not each.help and not isinstance(each.type, click.Choice)]
        assert undescribed == [], command.name


def test_every_setting_has_a_description() -> None:
    described = descriptions()
    assert list(described) == list(Settings.__struct_fields__)
    assert all(text.endswith(".") for text in described.values())


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("BLUELAMP_BOARD_PORT", "eighty", "'eighty' is not a whole number from 0 to 65,535."),
        ("BLUELAMP_PARTITIONS", "four", "'four' is not a whole number."),
        ("BLUELAMP_FIRST_START", "maybe", "'maybe' is not `yes` or `no`."),
        ("BLUELAMP_BOARD_PORT", "70000", "'70000' is not a whole number from 0 to 65,535."),
        ("BLUELAMP_STALL_SECONDS", "a minute", "'a minute' is not a number."),
    ],
)
def test_an_invalid_setting_names_its_variable(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingError) as refused:
        load({name: value})
    assert (refused.value.what, refused.value.where) == (words, name)


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (("read", "no_such_measure"), "no_such_measure"),
        (("audit", "--from", "monday", "--to", "2024-12-02"), "--from"),
        (("restatements", "--from", "2024-12-01", "--to", "tuesday"), "--to"),
        (("chart", "no_such_measure"), "no_such_measure"),
        (("report", "--month", "december"), "--month"),
    ],
)
def test_a_wrong_argument_is_reported_without_a_running_system(arguments: tuple[str, ...], where: str) -> None:
    environment = {"BLUELAMP_REDIS": "redis://127.0.0.1:1/0", "BLUELAMP_KAFKA": "127.0.0.1:1"}
    with pytest.raises(BlueLampError) as refused:
        CliRunner().invoke(cli, arguments, env=environment, standalone_mode=False, catch_exceptions=False)
    assert where in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "redis://:tiger-lily@10.0.0.1:6379/0",
        "rediss://worker:tiger@lily:1@cache/0",
        "redis://cache:6379/0?db=1&password=tiger-lily",
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_no_setting_prints_a_password(address: str, options: tuple[str, ...]) -> None:
    ran = CliRunner().invoke(cli, ["settings", *options], env={"BLUELAMP_REDIS": address}, catch_exceptions=False)
    assert "tiger" not in ran.output
    assert "lily" not in ran.output
    assert "(hidden)" in ran.output
    assert ("10.0.0.1" if "10.0.0.1" in address else "cache") in ran.output


@pytest.mark.parametrize(
    ("path", "command"), [each for each in every_command().items() if not isinstance(each[1], click.Group)]
)
def test_a_command_takes_what_its_options_pass(path: str, command: click.Command) -> None:
    """Mypy does not see how click calls a command."""
    assert command.callback is not None, path
    assert {each.name for each in command.params} == set(inspect.signature(command.callback).parameters)
