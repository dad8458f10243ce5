"""Checks of Likeness; the folders mirror the packages that they check."""
