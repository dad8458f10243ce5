"""What can go wrong with durable work and with starting the processes that do it."""

from __future__ import annotations

from service.errors import ConflictError, LikenessError, NotConfiguredError


class WorkFailedError(LikenessError):
    """A piece of durable work ended with an error; all that is kept of it is its name."""

    code = "work_failed"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"a piece of work ended with {name}; the log of that time says more")


class NotForWorkTablesError(LikenessError):
    """Something other than ids, counts and moments was about to be written to the work tables."""

    code = "not_for_work_tables"


class ExecutorBusyError(ConflictError):
    """Another process runs under this worker name; two would do the same work twice."""

    code = "executor_busy"
    exit_code = 3


class PreflightError(NotConfiguredError):
    """This installation cannot start; the message says what to do."""

    code = "preflight"


class WorkInterruptedError(BaseException):
    """This process is stopping: the workflow stays pending and goes on at the next start.

    Not an `Exception`: the engine records every `Exception` as the end of the workflow.
    """
