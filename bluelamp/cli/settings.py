"""`bluelamp settings`: list every setting."""

import os

import click
import msgspec

from bluelamp.cli.options import JSON, say, settings_of
from bluelamp.wiring.settings import SECRETS, Settings, variable


@click.command("settings")
@JSON
def settings(as_json: bool) -> None:
    """List every setting with its variable, its present value and what it is for."""
    present = msgspec.structs.asdict(settings_of())
    helps = setting_help()
    told = [{"variable": variable(name), "value": value, "help": helps[name]} for name, value in present.items()]
    hidden = [{"variable": name, "value": _shown(name), "help": text} for name, text in SECRETS.items()]
    if as_json:
        say([*told, *hidden])
    else:
        for each in (*told, *hidden):
            click.echo(f"{each['variable']}={each['value']}\n    {each['help']}")


def _shown(secret: str) -> str:
    return "(set, not shown)" if os.environ.get(secret) else ""


def setting_help() -> dict[str, str]:
    """What each setting is for, from its declaration."""
    lines = (Settings.__doc__ or "").partition("Attributes:")[2].strip().splitlines()
    return {name.strip(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
