"""`python -m bluelamp.derive`: writes the derived files; --check lists those that are out of date."""

import sys
from collections.abc import Iterable, Sequence
from os.path import normpath
from pathlib import Path
from textwrap import fill
from typing import Any, cast

import click
import msgspec
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from alerts.inhibition import CHAIN
from alerts.prometheus import Addresses, alertmanager, prometheus, rule_file
from alerts.rule import RUNBOOKS, Outside, Rule, Threshold
from alerts.table import RULES
from bluelamp.cli.main import every_command
from bluelamp.wiring.settings import SECRETS, Settings, descriptions, load_forces, variable
from dashboards.grafana.dashboard import dashboards, written
from facts.fact import Fact
from facts.union import FACT_TYPES, AnyFact
from measures.catalogue import CATALOGUE
from measures.disagreements import DISAGREEMENTS
from measures.measure import (
    DATE_DIMENSIONS,
    Bands,
    Count,
    Decided,
    External,
    Mean,
    Measure,
    Median,
    OpenCount,
    OpenDue,
    OpenLongest,
    OpenSoonest,
    Place,
    PublishedFigure,
    Share,
    SpanWithin,
    Statistic,
    Unrecorded,
)
from measures.outcome import AS_MET, AS_MISSED, LEFT_OUT
from measures.published import PUBLISHED
from measures.window import DAY_WINDOWS, LIVE_WINDOWS, REPORT_WINDOWS
from producers.declaration import Mapping
from producers.fact_page import fact_page
from producers.gateway.asyncapi import asyncapi
from producers.gateway.limits import Limits
from producers.gateway.openapi import openapi
from producers.gateway.shapes import add_alternatives
from producers.secret import Secret

_DIALECT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
ROOT = Path(__file__).parent.parent
_YAML_NOTE = "# Derived by `make derive` from alerts/table.py: change the table, not this file."
_NOTE = "<!-- Derived by `make derive`: change the declarations, not this page. -->"


def derived() -> Iterable[tuple[str, str]]:
    """Every derived file: its path in the project, and its content."""
    yield from _schemas()
    yield from _new_examples()
    yield "docs/understand/measures.md", _measures_page()
    yield "docs/understand/reports.md", _reports()
    yield "docs/run/commands.md", _commands()
    yield "docs/run/settings.md", _settings()
    yield "docs/use/alerts.md", _alerts()
    yield "dashboards/board/runbooks/text.html", _runbooks()
    yield "alerts/rules/bluelamp.yml", _yaml(_YAML_NOTE, rule_file(RULES))
    yield "alerts/prometheus.yml", _yaml(_PROMETHEUS_NOTE, prometheus(Addresses()))
    yield "alerts/alertmanager.yml", _yaml(f"{_YAML_NOTE}\n{_RECEIVERS_NOTE}", alertmanager(Addresses()))
    for name, dashboard in dashboards(CATALOGUE).items():
        yield f"dashboards/grafana/json/{name}.json", written(dashboard)
    yield (
        "docs/feed/openapi.json",
        _formatted(openapi((rules.force for rules in load_forces(Settings()).values()), Limits())),
    )
    yield "docs/feed/asyncapi.json", _formatted(asyncapi())
    yield "docs/feed/facts.md", fact_page(_NOTE)
    yield "docs/feed/mapping.schema.json", _formatted(mapping_schema())


def _schemas() -> Iterable[tuple[str, str]]:
    """A JSON Schema (draft 2020-12) for each fact, complete in itself."""
    for fact in FACT_TYPES:
        yield f"facts/schema/{fact.__name__}.json", _formatted({**_DIALECT, **_whole_schema(fact)})


def _whole_schema(fact: type[Fact]) -> dict[str, Any]:
    schema = msgspec.json.schema(fact)
    add_alternatives(schema["$defs"], [fact])
    return schema


def mapping_schema() -> dict[str, Any]:
    """The JSON Schema of a mapping, for editors that check TOML while it is written."""
    return {**_DIALECT, **msgspec.json.schema(Mapping)}


def _new_examples() -> Iterable[tuple[str, str]]:
    """A first example of each fact that has none, from the types of its fields. Improve it by hand: it is not written again."""
    for fact in FACT_TYPES:
        path = f"facts/examples/{fact.__name__}.json"
        if not (ROOT / path).exists():
            yield path, _formatted({"fact": fact.__name__, **_example_fields(fact)})


def _example_fields(fact: type[AnyFact]) -> dict[str, Any]:
    described = cast(msgspec.inspect.StructType, msgspec.inspect.type_info(fact))
    return {each.encode_name: _example_value(each) for each in described.fields if each.required}


def _example_value(field: msgspec.inspect.Field) -> Any:
    of = field.type.type if isinstance(field.type, msgspec.inspect.Metadata) else field.type
    match of:
        case msgspec.inspect.LiteralType(values):
            return values[0]
        case msgspec.inspect.BoolType():
            return False
        case msgspec.inspect.IntType():
            return 1
        case msgspec.inspect.DateTimeType():
            return "2024-12-03T11:00:00Z"
    return "staffordshire" if field.name == "force" else f"{field.name.replace('_', '-')}-1"


def _formatted(document: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _measures_page() -> str:
    lines = [
        "# Measures",
        "",
        _NOTE,
        "",
        "The definition of every measure. [What a figure means](semantics.md) explains the terms.",
        "",
        f"Live windows: {', '.join(LIVE_WINDOWS)}, and FROM/TO in local times. Report windows:",
        f"{', '.join((*DAY_WINDOWS, *REPORT_WINDOWS))}, and FROM/TO in local dates. TO is excluded.",
        f"Report windows can also be broken down by {' and '.join(DATE_DIMENSIONS)}.",
        "",
    ]
    for measure in CATALOGUE.values():
        lines += _measure_page(measure)
    return "\n".join(lines).rstrip() + "\n"


def _measure_page(measure: Measure) -> Iterable[str]:
    yield f"## {measure.name}"
    yield ""
    yield f"**{measure.title}.** {measure.question}"
    yield ""
    for label, text in _definition(measure):
        yield f"- {label}: {text}"
    yield ""
    figures = PUBLISHED.get(measure.name, ())
    if figures:
        yield from _published_table(figures)


_STATISTICS: dict[type[Statistic], str] = {
    Count: "count",
    Share: "share",
    Mean: "mean",
    Median: "median",
    Decided: "share within target, overdue open items included",
    SpanWithin: "share within a limit",
    Bands: "counts by band",
    OpenCount: "count of open items",
    OpenLongest: "age of the oldest open item",
    OpenDue: "count of open items due soon or overdue",
    OpenSoonest: "time until the first open item is due",
    External: "published by others",
}


_PLACES: dict[Place, str] = {
    "emergency": "panel 999",
    "non_emergency": "panel 101",
    "attendance": "panel Grade 1 and Grade 2",
    "digital": "panel Digital",
    "custody": "panel Custody",
    "incidents": "panel Incidents",
    "wall": "Wall",
    "custody_page": "page Custody",
    "handover": "handover",
    "handover_by_grade": "handover for Grade 1 and Grade 2",
}


def _statistic(measure: Measure) -> str:
    if isinstance(measure.statistic, Decided) and not measure.target:
        return "share of decided cases, overdue open items included"
    return _STATISTICS[type(measure.statistic)]


def _definition(measure: Measure) -> Iterable[tuple[str, str]]:
    yield "Population", measure.population
    if measure.clock:
        yield "Clock", measure.clock
    yield "Statistic", f"{_statistic(measure)}; unit: {measure.unit}; version {measure.version}"
    if measure.unrecorded:
        yield (
            "Not recorded",
            "; ".join(_unrecorded_words(each, is_share=measure.is_share()) for each in measure.unrecorded),
        )
    if measure.target:
        yield "Target", measure.target
    if measure.good != "neither":
        yield "Better", measure.good
    if measure.dimensions():
        yield "Dimensions", ", ".join(measure.dimensions())
    if measure.minimum_n > 1:
        yield "Too few", f"if n is below {measure.minimum_n}"
    if measure.show:
        yield "Shown", ", ".join(_PLACES[place] for place in measure.show)
    if measure.rows:
        yield "Rows of the reports", ", ".join(measure.rows)
    for note in measure.notes:
        yield "Note", note


def _unrecorded_words(each: Unrecorded, *, is_share: bool) -> str:
    """The unrecorded outcomes that belong to a measure, with the values of a share that are counted in an unusual way."""
    if each.is_open:
        return f"`{each.of.kind}`, once its end counts as unrecorded"
    if not is_share or (each.met, each.missed, each.left_out) == ((AS_MET,), (AS_MISSED,), (LEFT_OUT,)):
        return f"`{each.of.kind}`"
    parts = {"met": each.met, "missed": each.missed, "left out": each.left_out}
    return f"`{each.of.kind}` ({', '.join(f'{name} {values}' for name, values in _listed(parts))})"


def _listed(parts: dict[str, tuple[int, ...]]) -> Iterable[tuple[str, str]]:
    return ((name, " or ".join(map(str, values)) or "none") for name, values in parts.items())


def _published_table(figures: Iterable[PublishedFigure]) -> Iterable[str]:
    yield "| published | unit | period | limited to | source | note |"
    yield "|---|---|---|---|---|---|"
    for each in figures:
        words = ", ".join(f"{name} {word}" for name, word in each.where.items())
        yield f"| {each.figure} | {each.unit} | {each.period} | {words} | {each.source} | {each.note} |"
    yield ""


_REPORTS = """# The published reports, and where they contradict themselves

{note}

Blue Lamp's figures must be comparable with two published reports:

- **S25**: Staffordshire Police, Public Performance Meeting, 21 January 2025, data to 31 December 2024.
- **S18**: the same meeting on 9 November 2018.

"12m" means January to December 2024, "previous" January to December 2023, and "last" December 2024. The rows of the reports'
operational tables are numbered A1.1 to A1.6 (999), A2.7 to A2.19 (101, triage, digital), A3.20 to A3.34 (incidents, attendance), A4.35
to A4.42 (custody) and A5 (others). Each measure in the [catalogue](measures.md) names its rows. `measures/published.py` holds the
published figures exactly as printed. Where a report contradicts itself, Blue Lamp quotes both figures and corrects neither:

| # | contradiction | how Blue Lamp treats it |
|---|---|---|
"""


def _reports() -> str:
    rows = (f"| {each.number} | {each.what} | {each.explanation} |\n" for each in DISAGREEMENTS)
    return _REPORTS.format(note=_NOTE) + "".join(rows)


def _commands() -> str:
    lines = ["# Commands", "", _NOTE, ""]
    for name, command in every_command().items():
        lines += [f"## bluelamp {name}", "", "```", _help(name, command), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def _help(name: str, command: click.Command) -> str:
    with click.Context(command, info_name=f"bluelamp {name}", terminal_width=110, max_content_width=110) as context:
        return command.get_help(context)


def _settings() -> str:
    defaults: dict[str, Any] = msgspec.structs.asdict(Settings())
    described = descriptions()
    lines = ["# Settings", "", _NOTE, "", _SETTINGS, "", "| variable | default | description |", "|---|---|---|"]
    lines += [f"| `{variable(name)}` | {_default(value)} | {described[name]} |" for name, value in defaults.items()]
    lines += [f"| `{name}` | secret | {text} |" for name, text in SECRETS.items()]
    return "\n".join(lines) + "\n"


_SETTINGS = (
    "Settings are environment variables. An option of a command overrides its setting. `bluelamp settings` lists the current values.\n\n"
    "A secret may come from a file instead: set its variable with `_FILE` added, such as `BLUELAMP_KAFKA_PASSWORD_FILE`, to the path."
)


def _default(value: object) -> str:
    """A default as a person would set it."""
    if isinstance(value, Secret):
        return "secret"
    return ("`yes`" if value else "`no`") if isinstance(value, bool) else f"`{value}`" if value != "" else "empty"


_PROMETHEUS_NOTE = "# Derived by `make derive` from alerts/prometheus.py: change that, not this file."
_RECEIVERS_NOTE = (
    "# Every alert goes to the inbox. These receivers notify people: page (at once, day and night), notice, and heartbeat (an\n"
    "# external watcher that raises the alarm when heartbeats stop). They notify nobody until a force adds addresses, in its own\n"
    "# copy of this file."
)


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as a block."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(note: str, value: object) -> str:
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)
    return f"{note}\n{text}"


def _alerts() -> str:
    lines = [
        "# Alerts",
        "",
        _NOTE,
        "",
        "The table lists every alerting rule. Prometheus and the built-in engine evaluate the same rules.",
        "",
        "A figure beyond its limit is bad. The column *good again* gives the value at which it is good again. In between, with n below `minimum n`, or without data,",
        "nothing changes: missing data never end an alert, and raise an alert of their own.",
        "",
        "Every alert goes to the [inbox](../run/inbox.md) and stays active until good data end it. Critical alerts page somebody at once,",
        "warnings send a notice, and info is only displayed. The heartbeat is for an external watcher, which raises the alarm when",
        "heartbeats stop.",
        "",
        fill(_ONE_CAUSE.format(_chain()), _WIDTH),
        "",
        "A rule with `(detainee)` raises an alert for each detainee whom its measure counts. The alert names the opaque custody number",
        "and the suite, and ends when the measure is live and no longer counts the detainee.",
        "",
        "*Rises* says how far a figure must rise during an active alert before people are notified again, and the shortest time between two",
        "notifications.",
        "",
        "| alert | what is wrong | bad | good again | minimum n | bad for | good for | rises | severity | who | what to do |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(_alert_row(rule) for rule in RULES)]) + "\n"


_WIDTH = 128
_ONE_CAUSE = (
    "One cause, one alert: a fault of Blue Lamp itself has consequences, and alerts about those are not sent. While an alert of one "
    "group is active, alerts of the later groups are not sent: {}. While no feed is live, alerts about single silent feeds are not sent. "
    "A feed is silent only if every fact of its topic in the log has been counted: otherwise the worker is behind, and "
    "nobody knows whether the sender is silent. A share *at worst* counts every unrecorded outcome as bad "
    "([decision 45](../decisions/0045-a-share-carries-its-bounds.md))."
)


def _chain() -> str:
    names = {rule.name: rule.alert_name() for rule in RULES}
    return "; then ".join(", ".join(names[rule] for rule in rules) for rules in CHAIN)


_RUNBOOKS = "../run/runbooks.md"
_RUNBOOKS_NOTE = "<!-- Derived by `make derive` from docs/run/runbooks.md: change that, not this file. -->"


def _runbooks() -> str:
    """The runbooks as HTML for the board, without their title. It has no other page of the documentation: links name the page instead."""
    reader = MarkdownIt().enable("table")
    found = reader.parse((ROOT / RUNBOOKS).read_text())[len(("open", "title", "close")) :]
    for place, token in enumerate(found):
        if token.type == "heading_open":
            token.attrSet("id", found[place + 1].content.lower().replace(" ", "-"))
        token.children = _without_pages(token.children) if token.children else None
    return f"{_RUNBOOKS_NOTE}\n{reader.renderer.render(found, reader.options, {})}"


def _without_pages(tokens: Sequence[Token]) -> list[Token]:
    """The same text; in place of a link to another page, the page's name follows in brackets."""
    kept: list[Token] = []
    page = ""
    for each in tokens:
        href = str(each.attrs.get("href", "#"))
        if each.type == "link_open" and not href.startswith("#"):
            page = normpath(Path(RUNBOOKS).parent / href.partition("#")[0])
        elif each.type == "link_close" and page:
            kept.append(Token("text", "", 0, content=f" ({page})"))
            page = ""
        else:
            kept.append(each)
    return kept


def _alert_row(rule: Rule) -> str:
    bad, good = _limits(rule)
    where = rule.series.where
    window = f" over {where['window']}" if "window" in where else f" ({where['cause']})" if "cause" in where else ""
    window = " (detainee)" if "detainee" in rule.series.by else window
    at_worst = ", at worst," if rule.series.bound else ""
    parts = [
        rule.alert_name(), rule.title, f"{rule.measure or rule.series.metric}{window}{at_worst} {bad}", good, str(rule.minimum_n or ""),
        f"{rule.for_seconds} s", f"{rule.keep_firing_for_seconds} s", _rises(rule), rule.severity, rule.who,
        f"{rule.what_to_do} [Runbook]({_RUNBOOKS}#{rule.runbook})" if rule.runbook else rule.what_to_do,
    ]  # fmt: skip
    return f"| {' | '.join(parts)} |"


def _rises(rule: Rule) -> str:
    return f"by {rule.rise.step:g}, after {rule.rise.every_seconds} s" if rule.rise else ""


def _limits(rule: Rule) -> tuple[str, str]:
    match rule.condition:
        case Threshold(side=side, limit=limit, clear=clear):
            return f"{side} {limit:,.12g}", f"{clear:,.12g}"
        case Outside(side="below"):
            return "below the lower control limit", "halfway to the centre line"
        case Outside():
            return "above the upper control limit", "halfway to the centre line"


def main(arguments: list[str]) -> int:
    """Write the derived files; with --check, list those that are out of date and return 1 if there are any."""
    stale = [(path, text) for path, text in derived() if not _holds(ROOT / path, text)]
    for path, text in stale:
        if "--check" in arguments:
            sys.stderr.write(f"{path} is out of date: run `make derive` and commit it.\n")
        else:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text)
            sys.stdout.write(f"wrote {path}\n")
    return 1 if stale and "--check" in arguments else 0


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
