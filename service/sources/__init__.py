"""Sources: configured sites, runs, the frontier, and what was seen."""
