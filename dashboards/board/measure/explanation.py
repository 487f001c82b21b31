"""What is behind a figure: its numbers, its definition, its parts, and the subjects that it counts while they are open."""

import shlex
from datetime import datetime

from msgspec import Struct

from dashboards.board.measure.data import Breakdown, read_breakdown
from dashboards.board.shared.contract import Contract, contract
from dashboards.board.shared.page import View
from dashboards.board.shared.query import BreakdownQuery
from dashboards.board.shared.tile import as_window
from measures.measure import Bands
from measures.reading import Reading


class FigureExplanation(Struct, frozen=True, kw_only=True):
    """What is behind a figure.

    Attributes:
        measure: its measure.
        force: its force.
        as_of: the moment of the figure.
        simulated: whether the force is simulated, so that the figure is not real.
        window: its window; `start` and `end` are None for what is open now.
        start: the start of the window.
        end: the end of the window, which is excluded.
        value: in the measure's unit; None if there is none or it is not known.
        n: the number of cases behind it.
        met: for a share, the number of cases that met the condition.
        low: for a share, its value if every case that is not recorded had been missed.
        high: likewise if every such case had been met.
        unrecorded: the number of cases that are not recorded or in doubt.
        state: whether it can be relied on.
        reason: why it cannot be relied on; empty if it can.
        contract: what the measure means.
        parts: the figure broken down, with a check that the parts add up, and the open subjects that it counts.
        recount: the command that recounts it from the log, and lists every fact behind it.
    """

    measure: str
    force: str
    as_of: datetime
    simulated: bool
    window: str
    start: datetime | None
    end: datetime | None
    value: float | None
    n: int | None
    met: int | None
    low: float | None
    high: float | None
    unrecorded: int | None
    state: str
    reason: str
    contract: Contract
    parts: Breakdown
    recount: str


def read_explanation(question: BreakdownQuery, view: View) -> FigureExplanation:
    """What is behind the figure that a question asks for; blocking.

    Raises:
        QuestionError: the question cannot be answered.
    """
    measure = question.measure
    reading = _reading(question, view)
    is_open = measure.is_open()
    return FigureExplanation(
        measure=measure.name,
        force=view.force,
        as_of=reading.as_of,
        simulated=reading.is_simulated,
        window=question.window,
        start=None if is_open else reading.start,
        end=None if is_open else reading.end,
        value=reading.value,
        n=reading.n,
        met=reading.met,
        low=reading.low,
        high=reading.high,
        unrecorded=reading.unrecorded,
        state=reading.state,
        reason=reading.reason,
        contract=contract(measure, view),
        parts=read_breakdown(question, view),
        recount=_command(question, reading, view),
    )


def _reading(question: BreakdownQuery, view: View) -> Reading:
    by = ("band",) if isinstance(question.measure.statistic, Bands) else ()
    window = as_window(question.window)
    return view.reader.read(question.measure, window, by=by, where=question.where, force=view.force)[0]


def _command(question: BreakdownQuery, reading: Reading, view: View) -> str:
    window = [] if question.measure.is_open() else ["--window", question.window]
    where = [part for name, words in question.where.items() for word in words for part in ("--where", f"{name}={word}")]
    as_of = reading.as_of.astimezone(view.profile.zone()).isoformat()
    words = ["bluelamp", "explain", question.measure.name, *window, *where, "--as-of", as_of, "--force", view.force]
    return shlex.join(words)
