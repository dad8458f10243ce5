"""The demonstration: the whole loop against a site that is served on this machine."""
