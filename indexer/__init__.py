"""The eyes of Likeness: pictures in, observations out.

This package knows no people, accounts, database or web, and can be used alone as a library.
Its public entry points are `indexer.faces.FaceEngine`, `indexer.watchlist.Watchlist` and
`indexer.examine.examine`.
"""
