"""How many random examples a test tries: `make faults` loads the profile `thorough`, and tries more of them."""

from hypothesis import settings

THOROUGH = "thorough"
"""The name of Hypothesis's profile for `make faults`."""


def examples(quick: int, thorough: int) -> int:
    """The number of examples to try.

    Args:
        quick: in `make test`.
        thorough: in `make faults`.
    """
    return thorough if settings.get_current_profile_name() == THOROUGH else quick
