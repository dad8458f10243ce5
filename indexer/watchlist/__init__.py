"""The watch-list of enrolled people: an immutable gallery that probes are compared with."""

from indexer.watchlist.judging import band_of
from indexer.watchlist.watchlist import (
    MixedModelsError,
    WatchedTemplate,
    Watchlist,
    WatchlistBuilder,
)

__all__ = ["MixedModelsError", "WatchedTemplate", "Watchlist", "WatchlistBuilder", "band_of"]
