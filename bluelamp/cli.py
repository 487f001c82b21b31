"""The command line: every command others may script, each with --json where it answers."""

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec
from msgspec.structs import replace
from redis.exceptions import RedisError

from bluelamp.analysis import COMMANDS
from bluelamp.archiving import archive_command, rebuild_command
from bluelamp.children import end_with_parent
from bluelamp.connections import reader, state_client
from bluelamp.directory import refuse_mixture
from bluelamp.options import FORCE as _FORCE
from bluelamp.options import JSON as _JSON
from bluelamp.options import say as _say
from bluelamp.options import settings_of as _settings
from bluelamp.questions import parse_instant, parse_where, split_names
from bluelamp.settings import GATEWAY_TOKENS, SECRETS, Settings, load_forces, variable
from facts.errors import BlueLampError
from measures.catalogue import CATALOGUE, find
from measures.display import words
from measures.measure import Measure
from measures.published import PUBLISHED
from measures.reading import Reading
from streams.refusal import explained

_HOST = click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on: 0.0.0.0 in a container."
)


def main() -> None:
    """Run the command line; an error is told as what happened, where, and what to try."""
    end_with_parent()
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except RedisError as error:
        _fail(explained(error))
    except BlueLampError as error:
        _fail(error)


def _fail(error: BlueLampError) -> NoReturn:
    click.echo(f"bluelamp: {error}", err=True)
    sys.exit(2)


@click.group()
@click.version_option(package_name="bluelamp")
def cli() -> None:
    """Blue Lamp: a police force's live operational figures, exact, never stale-looking, reconciled."""


def _log() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("kafka").setLevel(logging.ERROR)
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    logging.getLogger("faust").setLevel(logging.WARNING)


@cli.command("up")
@click.option("--data", help="Directory of everything that is kept; BLUELAMP_DATA unless given.")
@click.option("--workers", default=1, show_default=True, help="Worker processes; more share the partitions.")
@click.option("--port", type=int, help="Port of the board on loopback; BLUELAMP_BOARD_PORT unless given.")
@click.option("--replay", help="`sample`, or an extract to replay with --mapping.")
@click.option("--mapping", help="The mapping of the extract.")
@click.option("--speed", default="60", show_default=True, help="Of a replay or a scenario: times real time, or max.")
@click.option(
    "--fast-until", help="Of a replay or a scenario: a local time; what was before is played as fast as it goes."
)
@click.option(
    "--simulate/--feeds-only",
    "is_simulated",
    default=None,
    help="A simulated force, or only what feeds send. Unless said: what the directory holds; a new one is simulated.",
)
@click.option(
    "--history",
    default="35d",
    show_default=True,
    help="A new simulation begins so long ago: days (35d) or months (24mo).",
)
@click.option("--scenario", help="Play a scenario of the simulator instead of ordinary days up to now.")
@click.option("--seed", type=int, help="Of a new simulation; 41 unless given.")
@click.option("--fresh", is_flag=True, help="Forget what an earlier run kept in the directory.")
@click.option(
    "--prometheus",
    "is_prometheus",
    is_flag=True,
    help="Prometheus and Alertmanager, as installed, evaluate the alert rules.",
)
@click.option(
    "--repair-state",
    "is_repaired",
    is_flag=True,
    help="If the state's files are broken: set them aside, keep what can be read, and fold the rest again from the log.",
)
@click.option("--force", help="Whose figures the board shows; BLUELAMP_FORCE, or the replay's, unless given.")
def up_command(
    data: str | None,
    workers: int,
    port: int | None,
    replay: str | None,
    mapping: str | None,
    speed: str,
    fast_until: str | None,
    is_simulated: bool | None,
    history: str,
    scenario: str | None,
    seed: int | None,
    fresh: bool,
    is_prometheus: bool,
    is_repaired: bool,
    force: str | None,
) -> None:
    """Start everything on this machine - log, state, workers, exporter, board, alerts - and a simulated force.

    The simulation tells its history as fast as it goes, and goes on with the clock; started again, it goes on where it was.
    """
    from bluelamp.going_on import is_to_simulate
    from bluelamp.replaying import plan
    from bluelamp.terminal import Terminal
    from bluelamp.up import Plan, Up

    played = plan(replay, mapping, speed, fast_until) if replay else None
    if played and variable("force") not in os.environ:
        force = force or played.force
    settings = _settings(data=data, board_port=port, force=force)
    asked = Plan(workers=workers, is_fresh=fresh, is_prometheus=is_prometheus, is_repaired=is_repaired)
    if played:
        asked = replace(asked, replay=played.arguments, replay_words=played.words)
    if is_to_simulate(
        Path(settings.data),
        is_asked=True if scenario else is_simulated,
        is_replayed=played is not None,
        is_fresh=fresh,
        has_senders=bool(os.environ.get(GATEWAY_TOKENS)),
    ):
        from bluelamp.simulating import plan as plan_simulation

        simulation = plan_simulation(
            settings,
            seed=seed,
            history=history,
            scenario=scenario,
            speed=speed,
            fast_until=fast_until,
            is_fresh=fresh,
        )
        asked = replace(asked, simulation=simulation)
    asyncio.run(Up(settings, asked, Terminal()).run())


@cli.command()
def worker() -> None:
    """Read the log and keep the state. Start more of them to share the partitions.

    Exit status 10 means: start it again; 11: a person must decide, the message says what. Started again before that, it changes
    nothing and ends with 11 again.
    """
    import uvloop

    from bluelamp.clock import wall
    from bluelamp.clockwatch import watch_clock
    from streams.worker import Worker

    _log()
    settings = _settings()
    watch_clock(state_client(settings), settings.state_name, settings.worker_name or "a worker")
    uvloop.run(Worker(settings.worker(), load_forces(settings), os._exit, wall).run())


@cli.command()
@click.option("--port", type=int, help="Port on loopback; BLUELAMP_EXPORTER_PORT unless given.")
@_HOST
def exporter(port: int | None, host: str) -> None:
    """Serve every reading as Prometheus metrics at /metrics. One process for a whole state.

    Unless BLUELAMP_PROMETHEUS names one that does, it also evaluates the alert rules, and tells the inbox.
    """
    from bluelamp.exporting import serve_exporter

    _log()
    serve_exporter(_settings(exporter_port=port), os.environ, host, click.echo)


@cli.command("board")
@click.option("--port", type=int, help="Port on loopback; BLUELAMP_BOARD_PORT unless given.")
@_HOST
@_FORCE
def board_command(port: int | None, host: str, force: str | None) -> None:
    """Serve the web board."""
    import uvicorn

    from bluelamp.alerting import beside_the_board
    from bluelamp.clockwatch import watch_clock
    from dashboards.board.app import board
    from streams.logwatch import LogWatch, looking_at

    _log()
    settings = _settings(board_port=port, force=force)
    source, watch = reader(settings), LogWatch(looking_at(settings.kafka, settings.state_name))
    watch.start()
    watch_clock(source.redis, settings.state_name, "the board")
    mounts = beside_the_board(settings, os.environ)
    application = board(source, settings.force, mounts, lambda: watch.seen(source.fences()))
    uvicorn.run(
        application,
        host=host,
        port=settings.board_port,
        log_level="warning",
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )


@cli.command("gateway")
@click.option("--port", type=int, help="Port on loopback; BLUELAMP_GATEWAY_PORT unless given.")
@click.option(
    "--webhook", "webhooks", multiple=True, help="Mapping of a platform that pushes events: a TOML file, or a name."
)
@_HOST
def gateway_command(port: int | None, webhooks: tuple[str, ...], host: str) -> None:
    """Take facts by HTTP from systems that push, and answer once the log has them.

    Who may send stands in BLUELAMP_GATEWAY_TOKENS. docs/gateway.md says how to send.
    """
    from bluelamp.ingest import serve

    _log()
    settings = _settings(gateway_port=port)
    refuse_mixture(settings, is_simulated=False)
    serve(settings, os.environ, host, webhooks, click.echo)


@cli.command()
@click.argument("measure")
@click.option(
    "--window",
    default="60m",
    show_default=True,
    help="15m 60m 24h 7d today shift this_month last_month 12m previous_12m FROM/TO",
)
@click.option(
    "--by", default="", help="Dimensions to break it down by, separated by commas; day and month in report windows."
)
@click.option(
    "--where", "where", multiple=True, help="DIMENSION=WORD to limit it to; the same dimension twice means either."
)
@click.option("--as-of", help="The instant to read it at, such as 2024-12-01T09:59:59Z or local time without a zone.")
@_FORCE
@_JSON
def read(
    measure: str, window: str, by: str, where: tuple[str, ...], as_of: str | None, force: str | None, as_json: bool
) -> None:
    """Read a measure from the state."""
    settings = _settings(force=force)
    source = reader(settings)
    asked: dict[str, Any] = {
        "where": parse_where(where),
        "as_of": parse_instant(as_of, source.rules_of(settings.force).force.zone()) if as_of else None,
        "force": settings.force,
    }
    # A breakdown without a cell is answered by the whole: that says whether there is nothing, or nothing is known.
    readings = source.read(measure, window, by=split_names(by), **asked) or source.read(measure, window, **asked)
    if as_json:
        _say(readings)
    else:
        for each in readings:
            click.echo(_line(each, CATALOGUE[measure]))


def _line(reading: Reading, measure: Measure) -> str:
    told = " ".join(f"{name}={word}" for name, word in reading.dimensions.items())
    start, end = (each.strftime("%Y-%m-%d %H:%M") for each in (reading.start, reading.end))
    value = words(reading.value, measure.unit)
    parts = [told, f"{value} (n {_n(reading.n)})", reading.state, f"{start} to {end}", reading.reason, reading.note]
    return "  ".join(part for part in parts if part)


def _n(n: int | None) -> str:
    return "not known" if n is None else f"{n:,}"


@cli.command()
@click.argument("file")
@click.option(
    "--mapping", help="The mapping of the extract: a TOML file, or the name of one that comes with Blue Lamp."
)
@click.option("--speed", default="max", show_default=True, help="Times real time, such as 60, or max.")
@click.option("--fast-until", help="A local time of the extract: what happened before it is played as fast as it goes.")
@click.option(
    "--dry-run", "is_dry", is_flag=True, help="Send nothing: say what each column becomes and what is refused."
)
@_JSON
def replay(file: str, mapping: str | None, speed: str, fast_until: str | None, is_dry: bool, as_json: bool) -> None:
    """Play an extract into the log: FILE by a mapping, or `sample` for the week that comes with Blue Lamp.

    Malformed rows are listed with line and reason, and the rest is kept; exit status 1 when there were any.
    """
    from bluelamp.dry_run import dry_run, tell
    from bluelamp.replaying import run

    _log()
    settings = _settings()
    if is_dry:
        explained = dry_run(load_forces(settings), file, mapping)
        if as_json:
            _say(explained)
        else:
            tell(explained)
        sys.exit(1 if explained.refused else 0)
    refuse_mixture(settings, is_simulated=False)
    told = run(settings.kafka, settings.partitions, file, mapping, speed, fast_until, is_quiet=as_json)
    if as_json:
        _say(told)
    sys.exit(1 if told.malformed else 0)


@cli.command()
@click.argument("file")
@click.option("--mapping", required=True, help="A TOML file, or the name of a mapping that comes with Blue Lamp.")
@click.option(
    "--late-seconds", type=float, required=True, help="How long after it happened a row may still be written."
)
@click.option("--position", help="File to keep the position in; one of its own in BLUELAMP_DATA unless given.")
@click.option(
    "--trust-silence", is_flag=True, help="No new row means that nothing happened: something else watches the source."
)
def tail(file: str, mapping: str, late_seconds: float, position: str | None, trust_silence: bool) -> None:
    """Follow a growing FILE into the log, row by row: CSV, JSON lines, or a log such as Asterisk's queue_log.

    Nothing is lost and nothing counts twice, however it is ended and started again. docs/adapters.md says how to run it.
    """
    from bluelamp.tailing import follow

    _log()
    settings = _settings()
    refuse_mixture(settings, is_simulated=False)
    follow(settings, file, mapping, position, late_seconds, click.echo, is_silence_trusted=trust_silence)


@cli.command()
@click.option("--seed", type=int, help="Of all its randomness; 41 unless given. One seed, one log.")
@click.option("--from", "start", help="The first local day, such as 2024-12-01; that of the scenario unless given.")
@click.option("--days", type=click.IntRange(min=1), help="How many days; those of the scenario unless given.")
@click.option(
    "--speed", default="max", show_default=True, help="Times real time, max, or live: history, then the clock."
)
@click.option("--scenario", default="normal", show_default=True, help="What is out of the ordinary: docs/simulator.md.")
@click.option(
    "--history", default="0d", show_default=True, help="With --speed live: days (35d) or months (24mo) before."
)
@click.option("--fast-until", help="A local time: what is told before it is told as fast as it goes.")
@click.option(
    "--position", type=click.Path(dir_okay=False), help="File that keeps how far it was told: go on there, not anew."
)
@click.option("--to-file", type=click.Path(dir_okay=False), help="Write the facts as JSON lines instead.")
@click.option(
    "--calibration", "is_calibration", is_flag=True, help="Print published, simulated and difference instead."
)
@_FORCE
@_JSON
def simulate(
    seed: int | None,
    start: str | None,
    days: int | None,
    speed: str,
    scenario: str,
    history: str,
    fast_until: str | None,
    position: str | None,
    to_file: str | None,
    is_calibration: bool,
    force: str | None,
    as_json: bool,
) -> None:
    """Simulate a force into the log.

    With --calibration: exit status 1 when a figure is off.
    """
    from bluelamp import simulating

    settings = _settings(force=force)
    profile = simulating.profile(load_forces(settings), settings.force)
    if is_calibration:
        _tell_calibration(simulating.calibration(profile, seed), as_json)
        return
    days_before = simulating.history_days(history)
    is_live = speed == simulating.LIVE
    chosen = simulating.simulation_of(profile, seed, scenario, start, is_live=is_live, history_days=days_before)
    if to_file:
        count = simulating.write(chosen, days, Path(to_file))
        click.echo(f"{count:,} facts written to {to_file}.")
        return
    _log()
    refuse_mixture(settings, is_simulated=True)
    path = Path(position) if position else None
    if path:
        chosen = simulating.going_on(path, load_forces(settings), chosen, is_seed_given=seed is not None)
    playing = simulating.Playing(days=days, speed=speed, fast_until=fast_until, position=path)
    played = simulating.run(
        settings.kafka, settings.partitions, chosen, playing, lambda line: click.echo(line, err=as_json)
    )
    if as_json:
        _say(played)
    else:
        click.echo(f"{played.facts:,} facts told, up to {played.told_to}.")


def _tell_calibration(found: list[Any], as_json: bool) -> None:
    from bluelamp.simulating import failures, line

    if as_json:
        _say(found)
    else:
        for each in found:
            click.echo(line(each))
    off = failures(found)
    click.echo(f"{len(found)} published figures, {len(off)} off.", err=True)
    sys.exit(1 if off else 0)


@cli.command()
@click.argument("measure", required=False)
@click.option("--window", default="60m", show_default=True, help="As for `bluelamp read`.")
@click.option("--by", default="", help="Dimensions to break it down by, separated by commas.")
@click.option(
    "--where", "where", multiple=True, help="DIMENSION=WORD to limit it to; the same dimension twice means either."
)
@click.option("--as-of", help="The instant to count it at; the force's present unless given.")
@click.option(
    "--compare",
    "is_compared",
    is_flag=True,
    help="Compare it with the state: exit status 1 when a cell differs, or nothing could be compared.",
)
@_FORCE
@_JSON
def recount(
    measure: str | None,
    window: str,
    by: str,
    where: tuple[str, ...],
    as_of: str | None,
    is_compared: bool,
    force: str | None,
    as_json: bool,
) -> None:
    """Count a measure, or every one, again from the whole log, by another path than the product's."""
    from bluelamp.comparison import Query, compare, every_query, take
    from bluelamp.history import recount_of
    from bluelamp.shown import check_same_log

    settings = _settings(force=force)
    source = reader(settings)
    rules = source.rules_of(settings.force)
    source.refresh()
    moment = parse_instant(as_of, rules.force.zone()) if as_of else source.present(settings.force)
    if measure:
        queries = [Query(measure=find(measure), window=window, by=split_names(by), where=parse_where(where))]
    else:
        queries = list(every_query([window], rules.force))
    if is_compared:
        check_same_log(settings, source)
    taken = take(source, settings.force, queries, moment) if is_compared else None
    until = taken.fences if taken else None
    with recount_of(settings, [each.force for each in source.rules.values()], until) as counted:
        if taken:
            _tell_comparison(compare(taken, counted), as_json)
            return
        for place, first in counted.loaded.missing_before.items():
            click.echo(f"The log of {place} begins at {first}: this recount is not of the whole.", err=True)
        answers = [
            (query, cell)
            for query in queries
            for cell in counted.known(query.measure, settings.force, query.window, moment, query.by, query.where)
        ]
    _tell_cells(answers, as_json)


def _tell_cells(answers: list[Any], as_json: bool) -> None:
    from bluelamp.recount.reported import IN_WORDS

    if as_json:
        told = ((query, msgspec.to_builtins(cell, str_keys=True)) for query, cell in answers)
        _say([{"measure": query.measure.name, "window": query.window, **cell} for query, cell in told])
        return
    for query, cell in answers:
        limits = " ".join(f"{name}={word}" for name, word in cell.dimensions.items())
        value = words(cell.value, query.measure.unit)
        click.echo(f"{query.measure.name}  {limits}  {value} (n {_n(cell.n)})  {IN_WORDS[cell.held]}".rstrip())


def _tell_comparison(found: Any, as_json: bool) -> None:
    from bluelamp.comparison import lines

    if as_json:
        _say(found)
    else:
        for line in lines(found):
            click.echo(line)
    sys.exit(0 if found.is_clean() else 1)


@cli.command()
@_JSON
def measures(as_json: bool) -> None:
    """List every measure with its question."""
    if as_json:
        _say([_declared(measure) for measure in CATALOGUE.values()])
    else:
        for measure in CATALOGUE.values():
            click.echo(f"{measure.name}\n    {measure.question}")


def _declared(measure: Measure) -> dict[str, Any]:
    declared: dict[str, Any] = msgspec.to_builtins(measure)
    kind = type(measure.statistic).__name__
    return {
        **declared,
        "statistic": {"kind": kind, **declared["statistic"]},
        "dimensions": measure.dimensions(),
        "published": PUBLISHED.get(measure.name, ()),
    }


@cli.command()
@_FORCE
@_JSON
def check(force: str | None, as_json: bool) -> None:
    """Look whether everything is there, fits together and is up to date: every part, every force and every feed.

    Looks at profiles, log, quarantine, state server, archive, state, workers, the feeds of every force, exporter, board, inbox,
    gateway and Prometheus. Each is good, bad, a warning, unknown or not set up. Exit status 0: all is well; 1: something is worth
    a look or could not be seen; 2: figures or alerts are missing, or cannot be trusted.
    """
    from bluelamp.checking import examine
    from bluelamp.checks.finding import lines, status
    from bluelamp.checks.parts import parts

    _log()
    settings = _settings(force=force)
    every = parts(settings, has_senders=bool(os.environ.get(GATEWAY_TOKENS)))
    findings = []
    for each in examine(settings, reader(settings), every):
        findings.append(each)
        if not as_json:
            for line in lines(each):
                click.echo(line)
    if as_json:
        _say(findings)
    sys.exit(status(findings))


@cli.group()
def grafana() -> None:
    """Dashboards in Grafana, for the three users."""


@grafana.command("publish")
@click.option("--url", default="http://127.0.0.1:3000", show_default=True, help="Address of the Grafana.")
@click.option("--datasource", default="prometheus", show_default=True, help="Uid of its Prometheus data source.")
@click.option("--alerts", help="A file of alerts to mark on the dashboards, one JSON object a line.")
@_JSON
def grafana_publish(url: str, datasource: str, alerts: str | None, as_json: bool) -> None:
    """Put the folder, the dashboards and marks for alerts into a running Grafana, through its API.

    The token of a service account (role Editor) comes from BLUELAMP_GRAFANA_TOKEN, or from the file that
    BLUELAMP_GRAFANA_TOKEN_FILE names. Published again, only what has changed gets a new version.
    """
    from bluelamp.grafana import find_token, publish

    told = []
    for each in publish(url, find_token(os.environ), datasource, alerts):
        told.append(each)
        if not as_json:
            click.echo(" ".join(word for word in (each.outcome, each.kind, each.name, each.url) if word))
    if as_json:
        _say(told)


@cli.group()
def inbox() -> None:
    """Alerts: what stands, who has taken it, and everything that was done. docs/inbox.md explains it."""


@inbox.command("serve")
@click.option("--port", type=int, help="Port on loopback; BLUELAMP_INBOX_PORT unless given.")
@_HOST
def inbox_serve(port: int | None, host: str) -> None:
    """Take alerts from the engine, tell people of them, and serve the API."""
    from bluelamp.inbox import serve

    _log()
    serve(_settings(inbox_port=port), os.environ, host, click.echo)


@inbox.command("list")
@click.option("--ended", "is_ended", is_flag=True, help="Those that have ended, the last first.")
@_JSON
def inbox_list(is_ended: bool, as_json: bool) -> None:
    """List the alerts that stand, the loudest first. Exit status 1 when one that is critical has not been taken."""
    from bluelamp.inbox import lines, listed

    found = listed(_settings(), is_ended=is_ended)
    if as_json:
        _say(found)
    else:
        for line in lines(found):
            click.echo(line)
    sys.exit(any(each.severity == "critical" and each.state == "raised" for each in found.alerts))


@inbox.command("acknowledge")
@click.argument("alert")
@click.option("--note", default="", help="What is being done about it; no names of the public.")
def inbox_acknowledge(alert: str, note: str) -> None:
    """Take ALERT, by its id, in the name of the person whose token BLUELAMP_TOKEN holds."""
    from bluelamp.inbox import acknowledge

    click.echo(acknowledge(_settings(), os.environ, alert, note))


@inbox.command("export")
@click.option("--format", "kind", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
def inbox_export(kind: str) -> None:
    """Write the whole log: who did what, and when."""
    from bluelamp.inbox import export

    click.echo(export(_settings(), kind), nl=False)


@cli.command("settings")
@_JSON
def settings_command(as_json: bool) -> None:
    """List every setting with its variable, its present value and what it is for."""
    present = msgspec.structs.asdict(_settings())
    helps = setting_help()
    told = [{"variable": variable(name), "value": value, "help": helps[name]} for name, value in present.items()]
    hidden = [{"variable": name, "value": _shown(name), "help": text} for name, text in SECRETS.items()]
    if as_json:
        _say([*told, *hidden])
    else:
        for each in (*told, *hidden):
            click.echo(f"{each['variable']}={each['value']}\n    {each['help']}")


def _shown(secret: str) -> str:
    return "(set, not shown)" if os.environ.get(secret) else ""


def setting_help() -> dict[str, str]:
    """What each setting is for, from its declaration."""
    lines = (Settings.__doc__ or "").partition("Attributes:")[2].strip().splitlines()
    return {name.strip(): text.strip() for name, _, text in (line.partition(":") for line in lines)}


for command in (*COMMANDS, archive_command, rebuild_command):
    cli.add_command(command)
