"""Enrolment: people, release and mandate, proof of identity, reference photos, templates."""
