"""Reports: what was looked at, what was found, what went wrong."""
