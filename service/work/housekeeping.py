"""Old rows of the engine are forgotten: finished work says nothing that the rooms do not know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dbos import DBOS

KEEP_DAYS = 7
_BATCH = 500
_OVER = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


def forget_old_workflows() -> int:
    """Delete workflows that ended more than a week ago; returns how many."""
    before = datetime.now(UTC) - timedelta(days=KEEP_DAYS)
    old = DBOS.list_workflows(
        status=_OVER,
        completed_before=before.isoformat(),
        limit=_BATCH,
        load_input=False,
        load_output=False,
    )
    ids = [workflow.workflow_id for workflow in old]
    if ids:
        DBOS.delete_workflows(ids)
    return len(ids)
