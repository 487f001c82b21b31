"""What a producer tells a person when facts did not reach the log."""

from facts.errors import BlueLampError


class PublishError(BlueLampError):
    """Facts may not be published, or did not arrive."""


class SourceError(BlueLampError):
    """A source that is followed is not where it was left, so that something of it may be missed."""
