"""The schema's revisions: each says what changes and why, and goes both ways."""
