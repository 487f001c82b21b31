"""The errors of producers: facts that did not reach the log, and sources that cannot be read."""

from facts.errors import BlueLampError


class PublishError(BlueLampError):
    """Facts must not be published, or may not have reached the log."""


class SourceError(BlueLampError):
    """A followed source is not where it was left, so some of it may have been missed."""
