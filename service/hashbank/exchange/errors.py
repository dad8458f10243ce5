"""What can go wrong when hashes are exchanged. No message ever holds a credential or a hash."""

from __future__ import annotations

from service.errors import ConflictError, InvalidInputError, LikenessError, NotConfiguredError


class BrokenListError(InvalidInputError):
    """A file of hashes cannot be read; the message names the line. Nothing was changed."""

    code = "broken_list"

    def __init__(self, problem: str, line: int | None = None) -> None:
        self.line = line
        where = f"Line {line}: " if line is not None else ""
        super().__init__(f"{where}{problem} Nothing was changed.")


class NotEntitledError(InvalidInputError):
    """A list or programme was named without saying on what terms, or without the statement."""

    code = "not_entitled"


class ImportOvertakenError(ConflictError):
    """Another import of the same list began meanwhile; this one changed nothing."""

    code = "import_overtaken"


class CredentialsMissingError(NotConfiguredError):
    """The connection needs credentials that were not given, or they do not have its form."""

    code = "credentials_missing"


class PeerRefusedError(LikenessError):
    """The other server refused: wrong credentials, no such bank, or it does not take this."""

    code = "peer_refused"
    http_status = 502


class PeerUnreachableError(LikenessError):
    """The other server did not answer as it should; try again later."""

    code = "peer_unreachable"
    http_status = 502


class ConsentNeededError(ConflictError):
    """Nothing leaves without the person's own say for that very programme."""

    code = "consent_needed"
