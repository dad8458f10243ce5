"""Exhibits: capture, custody, sealing and verifying of evidence."""
