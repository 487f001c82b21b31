"""Which alerts somebody may see: those of their forces, and those without a force, which are about Blue Lamp itself."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from alerts.inbox.api.people import Forces
from alerts.inbox.api.view import Listing
from alerts.inbox.log.action import ActionError, find, no_such_alert
from alerts.inbox.log.entry import AnyEntry, SubjectEnded
from alerts.inbox.log.state import Alert, InboxState


def both(one: Forces, other: Forces) -> Forces:
    """The forces that are in both sets; None means all."""
    return other if one is None else one if other is None else one & other


def is_seen(scope: Mapping[str, str], forces: Forces) -> bool:
    """Whether somebody who may see these forces may see something with this scope."""
    force = scope.get("force", "")
    return forces is None or not force or force in forces


def seen(alerts: Iterable[Alert], forces: Forces) -> list[Alert]:
    """The alerts that somebody may see."""
    return [each for each in alerts if is_seen(each.raised.scope, forces)]


def find_seen(state: InboxState, alert_id: str, forces: Forces) -> Alert:
    """An alert by its ID.

    Raises:
        ActionError: it does not exist, or may not be seen: the error is the same.
    """
    alert = find(state, alert_id)
    if not is_seen(alert.raised.scope, forces):
        raise no_such_alert()
    return alert


def limited(listing: Listing, forces: Forces) -> Listing:
    """A list without the forces that may not be seen."""
    return replace(
        listing,
        monitored=tuple(each for each in listing.monitored if is_seen({"force": each.force}, forces)),
        suppressions=tuple(each for each in listing.suppressions if is_seen(each.scope, forces)),
    )


def entries_seen(entries: Iterable[AnyEntry], state: InboxState, forces: Forces) -> list[AnyEntry]:
    """The log's entries that somebody may see."""
    return [each for each in entries if _is_entry_seen(each, state, forces)]


def _is_entry_seen(entry: AnyEntry, state: InboxState, forces: Forces) -> bool:
    if isinstance(entry, SubjectEnded):
        return is_seen({"force": entry.force}, forces)
    if entry.alert in state.alerts:
        return is_seen(state.alerts[entry.alert].raised.scope, forces)
    if entry.alert in state.suppressions:
        return is_seen(state.suppressions[entry.alert].entry.scope, forces)
    return forces is None  # nobody knows which force it is about


def check_may_suppress(scope: Mapping[str, str], own: Forces, forces: Forces) -> None:
    """Check that somebody may stop the notifications of a scope, or start them again.

    Args:
        scope: the labels; without a force it covers every force.
        own: the forces that the person may see; None for all.
        forces: the forces that they may see at this address; None for all.

    Raises:
        ActionError: it covers a force that they may not see, or every force although they are limited to some.
    """
    force = scope.get("force", "")
    if (own is not None and not force) or not is_seen(scope, forces):
        what = "This planned work would cover a force that you may not see, or every force."
        raise ActionError("not_understood", what, "Name one of your forces in `scope`.")
