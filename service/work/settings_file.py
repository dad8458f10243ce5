"""Changes lines of `likeness.env` in the data folder, leaving all others as they are."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

FILE_NAME = "likeness.env"


def set_lines(data_dir: Path, values: dict[str, str]) -> Path:
    """Write `NAME=value` lines; a line of the same name is replaced. Returns the file."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = data_dir / FILE_NAME
    kept = path.read_text("utf-8").splitlines() if path.is_file() else []
    names = set(values)
    lines = [line for line in kept if line.partition("=")[0].strip().upper() not in names]
    lines += [f"{name}={value}" for name, value in values.items()]
    temporary = path.with_suffix(f".{secrets.token_hex(4)}.new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    temporary.replace(path)
    return path
