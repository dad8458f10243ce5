"""What can go wrong in `indexer`: one base class, each error says what happened and what to do."""


class IndexerError(Exception):
    """Base of every error that `indexer` raises on purpose.

    `code` is a stable, machine-readable name that crosses process borders; the message is for
    people.
    """

    code = "indexer_error"


class WireError(IndexerError):
    """A message between two processes was cut short, too long, or not what was agreed."""

    code = "wire"
