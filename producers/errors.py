"""What a producer tells a person when facts did not reach the log."""

from facts.errors import BlueLampError


class PublishError(BlueLampError):
    """Facts may not be published, or did not arrive."""
