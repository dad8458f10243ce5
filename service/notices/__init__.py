"""Notices: what a law requires, for whom, signed and filed by an advocate."""
