"""The Custody page: each open detention with its review clock and detention clock, the suites, and the custody measures."""

from dashboards.board.custody.occupancy import read_occupancy
from dashboards.board.shared.detentions import read_detentions, read_list_status
from dashboards.board.shared.page import Page, Parts, View
from dashboards.board.shared.tile import NOW, read_tile
from measures.catalogue import shown


def _read(view: View) -> Parts:
    detentions = read_detentions(view)
    return {
        "totals": [[each.title, read_tile(each, NOW, view).text] for each in shown("custody_page")],
        "custody": read_list_status(detentions, view),
        "detentions": detentions,
        "occupancy": read_occupancy(view),
    }


CUSTODY = Page(name="custody", path="/custody", title="Custody", read=_read, has_style=True)
