"""What can go wrong with keys and encrypted files."""

from service.errors import LikenessError


class KeyDestroyedError(LikenessError):
    """The person was erased: their key is gone and nothing of theirs can be read again."""

    code = "key_destroyed"
    http_status = 410


class VaultDamagedError(LikenessError):
    """A key or an encrypted file was altered, or belongs to another context or master key."""

    code = "vault_damaged"
    http_status = 500
    exit_code = 2


class UnsafeKeyFileError(LikenessError):
    """The master key's file may be read by other accounts of this machine."""

    code = "unsafe_key_file"
    http_status = 500
    exit_code = 2
