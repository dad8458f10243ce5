"""How exports are told on pages."""

from __future__ import annotations

from typing import Final

FORM_WORDS: Final = {
    "text": "text file without SHA-256",
    "csv": "CSV file",
    "push": "put into the bank",
    "removal_text": "file of what has to be deleted",
    "removal_call": "deleted from the bank",
}
STATE_WORDS: Final = {
    "done": "handed over",
    "part": "handed over in part",
    "failed": "failed",
    "taken_back": "taken back",
}
