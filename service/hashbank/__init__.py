"""The hash bank: pictures known to show a person, given as hashes."""
