"""The independent recount: counts every figure again from the whole log, with code that the workers do not use.

It was written from docs/understand/semantics.md alone. It loads all facts into a database and derives every outcome there with set-based
queries, one file for each section of the semantics (bluelamp/recount/sql). It shares only the measures' declarations with
`measures`, and nothing with `streams`.

    from bluelamp.recount.log import from_log

    with from_log("127.0.0.1:9092", [force]) as recount:
        recount.loaded                                        # what was read, and what is not counted
        recount.answer(find("incident_count"), force.name, "12m", as_of, by=("area",), where={"grade": ("1",)})
        recount.finished("opened_to_arrived"), recount.open("incident_open")   # the outcomes behind the figures

`bluelamp.recount.load.from_records` does the same with records in memory.
"""
