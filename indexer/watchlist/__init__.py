"""The watch-list of enrolled people: an immutable gallery that probes are compared with."""

from indexer.watchlist.watchlist import (
    MixedModelsError,
    WatchedTemplate,
    Watchlist,
    band_of,
)

__all__ = ["MixedModelsError", "WatchedTemplate", "Watchlist", "band_of"]
