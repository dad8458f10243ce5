"""Candidates: finds, confirmation by two and by the person, dismissal."""
