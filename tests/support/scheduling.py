"""Which test files run in the same process of pytest: those that share something that takes seconds to make."""

from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "a log of each kind": (
        "tests/contract/test_log_contract.py",
        "tests/contract/test_log_groups_contract.py",
        "tests/contract/test_partitioner_contract.py",
        "tests/producers/test_publish_log.py",
        "tests/streams/test_log.py",
    ),
    "a history, and its recount": (
        "tests/board/test_chart_page.py",
        "tests/board/test_compare_page.py",
        "tests/board/test_explore_page.py",
        "tests/board/test_explore_recounted.py",
        "tests/board/test_files.py",
        "tests/board/test_intervals.py",
        "tests/board/test_staffing.py",
    ),
    "a simulated day": (
        "tests/board/test_alerts_page.py",
        "tests/board/test_api.py",
        "tests/board/test_custody_page.py",
        "tests/board/test_drill.py",
        "tests/board/test_handover.py",
        "tests/board/test_strip.py",
    ),
    "the report of a December": (
        "tests/report/test_changed_target.py",
        "tests/report/test_compare.py",
        "tests/report/test_record.py",
        "tests/report/test_report.py",
        "tests/report/test_suppression.py",
        "tests/report/test_two_years.py",
        "tests/report/test_workbook.py",
    ),
}
"""Files by what they share. A fixture of the session is made once in each process that needs it."""
GROUPS = {path: shared for shared, paths in TOGETHER.items() for path in paths}
"""What a file shares, by its path."""


APART = frozenset(("tests/schedules/test_schedules.py",))
"""Files whose tests share nothing; in `make faults`, some need half an hour. Each test may run in another process."""


class FilesTogether(LoadScopeScheduling):
    """Gives each file, or each group of files, to one process."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return nodeid if path in APART else GROUPS.get(path, path)
