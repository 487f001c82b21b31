"""The independent recount: every figure again from the whole log, by another path than the product takes.

It was written from docs/semantics.md alone. All facts are put into a database at once and every outcome is derived there
by set-based queries, one file of them for each section (bluelamp/recount/sql); nothing is kept up to date, nothing is
shared with `measures` but its declarations, nothing with `streams`.

    from bluelamp.recount.log import from_log

    with from_log("127.0.0.1:9092", [force]) as recount:
        recount.loaded                                        # what the log held, and what of it is not counted
        recount.answer(find("incident_count"), force.name, "12m", as_of, by=("area",), where={"grade": ("1",)})
        recount.finished("opened_to_arrived"), recount.open("incident_open")   # the outcomes behind an answer

`bluelamp.recount.load.from_records` does the same with records that are at hand.
"""
