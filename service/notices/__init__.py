"""Notices: what a law requires of a request for removal, signed and filed by people."""
