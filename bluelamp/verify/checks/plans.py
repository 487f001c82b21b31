"""The check of a kind of file in which people plan, for each force that the board shows."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from bluelamp.verify.checks.result import CheckResult
from bluelamp.wiring.settings import variable
from facts.force import Force
from measures.rules import Rules


def plan_results(
    setting: str,
    directory: str,
    rules: Mapping[str, Rules],
    shown: Sequence[str],
    check: Callable[[Force], CheckResult],
) -> Iterator[CheckResult]:
    """The result for each force that is shown, or that the setting is not set.

    Args:
        setting: the setting that names the directory, which is also the name of the check.
        directory: its value.
        rules: the rules of every force.
        shown: the forces that the board shows; those without a profile are left out.
        check: checks the file of one force.
    """
    if not directory:
        yield CheckResult(setting, "not set up", f"{variable(setting)} is not set.")
        return
    for name in shown:
        if name in rules:
            yield check(rules[name].force)
