"""Keys and encrypted files: everything of a person is encrypted under that person's own key."""

from service.vault.errors import KeyDestroyedError, VaultDamagedError
from service.vault.vault import Vault

__all__ = ["KeyDestroyedError", "Vault", "VaultDamagedError"]
