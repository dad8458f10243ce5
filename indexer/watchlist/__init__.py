"""The watch-list of enrolled people: an immutable gallery that probes are compared with."""

from indexer.watchlist.judging import band_of
from indexer.watchlist.watchlist import MixedModelsError, WatchedTemplate, Watchlist

__all__ = ["MixedModelsError", "WatchedTemplate", "Watchlist", "band_of"]
