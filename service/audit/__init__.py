"""The audit trail: append-only, each entry chained to the one before."""

from service.audit.trail import AuditCheck, AuditLine, AuditTrail

__all__ = ["AuditCheck", "AuditLine", "AuditTrail"]
