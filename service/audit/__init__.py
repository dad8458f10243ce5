"""The audit trail: append-only, chained by hash, without personal data."""
