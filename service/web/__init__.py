"""The web: what all pages share."""
