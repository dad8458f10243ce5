"""Which rooms have tables; every one of them must be known before schemas are compared."""

ROOMS_WITH_TABLES = (
    "accounts",
    "audit",
    "candidates",
    "enrolment",
    "exhibits",
    "hashbank",
    "hashbank.exchange",
    "notices",
    "reports",
    "sources",
)
