"""The watch-list of enrolled people: an immutable gallery that probes are compared with."""

from indexer.watchlist.block import GalleryInputError, NewRows
from indexer.watchlist.gallery import Gallery, GalleryBuilder
from indexer.watchlist.judging import band_of
from indexer.watchlist.watchlist import (
    MixedModelsError,
    WatchedTemplate,
    Watchlist,
    WatchlistBuilder,
)

__all__ = [
    "Gallery",
    "GalleryBuilder",
    "GalleryInputError",
    "MixedModelsError",
    "NewRows",
    "WatchedTemplate",
    "Watchlist",
    "WatchlistBuilder",
    "band_of",
]
