"""The outcomes of a call taker at work: states begun and ended, the present state, and the contacts handled."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from facts.call_taker import CallTakerSignedOff, CallTakerSignedOn, CallTakerStateChanged
from facts.fact import SubjectFact
from facts.force import NONE, SIGN_OFF_UNRECORDED_AFTER
from measures.outcome import LEFT_OUT, SECOND, KindName, Outcomes, microseconds, span
from measures.outcome_builder import OutcomeBuilder
from measures.rules import Rules

_ON, _OFF = "signed_on", "signed_off"
_PARTS: dict[str, KindName] = {
    "on_contact": "handled_talk",
    "on_hold": "handled_hold",
    "wrapping_up": "handled_wrap",
}
"""The states of a contact that is handled, and the kind of the time in each."""
_WITH_CALLER = ("on_contact", "on_hold")


class _State(Struct, gc=False):
    """A state from its beginning, in microseconds since 1970, to the beginning of the next."""

    name: str
    begins: int
    skill: str
    queue: str


def outcomes(facts: Sequence[SubjectFact], rules: Rules) -> Outcomes:
    """The outcomes of the effective facts of one call taker.

    Args:
        facts: in order of event time.
        rules: the rules of the call taker's force.
    """
    start = next((place for place, fact in enumerate(facts) if isinstance(fact, CallTakerSignedOn)), None)
    builder = OutcomeBuilder("call_taker", microseconds(facts[start or 0].at))
    if start is None:
        builder.incomplete(builder.began)
        builder.count("handled_unrecorded", builder.began, (NONE, NONE), LEFT_OUT)
        return builder.outcomes()
    states = _states(facts[start:], builder, rules)
    for state, following in pairwise(states):
        if state.name != _OFF:
            builder.count("call_taker_state_began", state.begins, (state.skill, state.name))
            builder.count("call_taker_state_ended", following.begins, (state.skill, state.name))
    for run in _runs(states):
        _count_handled(run, builder)
    if states[-1].name != _OFF:
        _count_present(states[-1], microseconds(facts[-1].at), builder)
    return builder.outcomes()


def _states(facts: Sequence[SubjectFact], builder: OutcomeBuilder, rules: Rules) -> list[_State]:
    """The states in order, from the first sign-on; a change to the present state is none."""
    states: list[_State] = []
    skill, contradiction = NONE, None
    for fact in facts:
        at, is_off = microseconds(fact.at), bool(states) and states[-1].name == _OFF
        if isinstance(fact, CallTakerSignedOn):
            skill = rules.listed("skill", fact.skill)
            states.append(_State(_ON, at, skill, NONE))
        elif isinstance(fact, CallTakerSignedOff):
            if not is_off:
                states.append(_State(_OFF, at, skill, NONE))
        elif isinstance(fact, CallTakerStateChanged):
            if is_off:
                contradiction = at if contradiction is None else contradiction
            elif fact.state != states[-1].name:
                states.append(_State(fact.state, at, skill, rules.listed("queue", fact.queue)))
    if contradiction is not None:
        builder.contradiction("state_changed_while_signed_off", contradiction)
    return states


def _runs(states: Sequence[_State]) -> Iterator[list[_State]]:
    """The states of each contact that was handled, followed by the state that ended it."""
    run: list[_State] = []
    for before, state in pairwise([None, *states]):
        assert state is not None  # noqa: S101 - only the first one of all pairs is None
        if state.name in _WITH_CALLER and (before is None or before.name not in _WITH_CALLER):
            if run:
                yield [*run, state]
            run = [state]
        elif run and state.name in _PARTS:
            run.append(state)
        elif run:
            yield [*run, state]
            run = []


def _count_handled(run: Sequence[_State], builder: OutcomeBuilder) -> None:
    first, end = run[0], run[-1].begins
    queue = next((state.queue for state in run[:-1] if state.name == "on_contact"), NONE)
    spent = dict.fromkeys(_PARTS, 0)
    for state, following in pairwise(run):
        spent[state.name] += following.begins - state.begins
    dimensions = first.skill, queue
    builder.span("handled", first.begins, end, dimensions)
    for name, kind in _PARTS.items():
        builder.count(kind, end, dimensions, span(0, spent[name], 1))


def _count_present(state: _State, last: int, builder: OutcomeBuilder) -> None:
    dimensions = state.skill, state.name
    unrecorded_from = last + SIGN_OFF_UNRECORDED_AFTER * SECOND
    builder.count("call_taker_state_began", state.begins, dimensions)
    builder.add_open("call_taker_staffed", state.begins, dimensions, unrecorded_from)
    builder.add_open("call_taker_unrecorded", unrecorded_from, dimensions)
