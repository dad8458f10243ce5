"""Accounts: who signs in, with which role, from which organisation."""
