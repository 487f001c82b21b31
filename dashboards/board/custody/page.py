"""The Custody page: each open detention with its review clock and detention clock, and the custody measures."""

from dashboards.board.shared.detentions import read_detentions, read_list_status
from dashboards.board.shared.page import Page, Parts, View
from dashboards.board.shared.tile import NOW, read_tile
from measures.catalogue import find

TOTALS = (
    "in_custody_count",
    "custody_awaiting_authorisation_count",
    "custody_clock_paused_count",
    "custody_clock_paused_over_12_hours_count",
    "review_postponed_count",
    "custody_note_count",
    *(
        f"{who}_{clock}_{what}_count"
        for what in ("overdue", "due_within_60_minutes")
        for clock in ("review", "detention")
        for who in ("child", "adult")
    ),
)
"""The measures of the totals table."""


def _read(view: View) -> Parts:
    tiles = [read_tile(find(name), NOW, view) for name in TOTALS]
    detentions = read_detentions(view)
    return {
        "totals": [[find(name).title, tile.text] for name, tile in zip(TOTALS, tiles, strict=True)],
        "custody": read_list_status(len(detentions), view),
        "detentions": detentions,
    }


CUSTODY = Page(name="custody", path="/custody", title="Custody", read=_read)
