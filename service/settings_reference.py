"""Writes the settings reference (docs/settings.md) from the settings themselves.

`make docs` calls it; a test says when the page is out of date.
"""

from __future__ import annotations

import sys
import types
import typing
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from service.settings import Settings

_INTRODUCTION = """# Settings

Every setting is an environment variable, or a line `NAME=value` in the file `likeness.env` in the
data folder. The environment wins over the file. Lists are JSON, for instance
`LIKENESS_ACCEPTED_LICENCES='["buffalo_l"]'`. Times are in seconds and sizes in bytes unless the
name says otherwise.

This page is written from the program by `make docs`.
"""

_DEFAULTS_IN_WORDS = {
    "data_dir": "`.likeness` in the folder where it is started",
    "models_dir": "`.cache/likeness/models` in the home folder",
}
_PLAIN_NAMES = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def settings_page() -> str:
    """The whole page as Markdown."""
    parts = [_INTRODUCTION]
    parts += [_section(name, field) for name, field in Settings.model_fields.items()]
    return "\n".join(parts)


def _section(name: str, field: FieldInfo) -> str:
    variable = f"{Settings.model_config['env_prefix']}{name}".upper()
    return (
        f"## `{variable}`\n\n{field.description}\n\n"
        f"- Kind: {_kind(field.annotation)}{_limits(field)}\n"
        f"- Default: {_default(name, field)}\n"
    )


def _kind(annotation: object) -> str:
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return "one of " + ", ".join(f"`{value}`" for value in typing.get_args(annotation))
    if origin is tuple:
        return f"list of {_kind(typing.get_args(annotation)[0])}"
    if origin in (typing.Union, types.UnionType):
        kinds = [part for part in typing.get_args(annotation) if part is not type(None)]
        return " or ".join(_kind(part) for part in kinds)
    if annotation is Path:
        return "folder or file"
    if annotation is SecretStr:
        return "secret text"
    if isinstance(annotation, type) and annotation in _PLAIN_NAMES:
        return _PLAIN_NAMES[annotation]
    raise TypeError(f"the settings reference has no word for {annotation!r}")


def _limits(field: FieldInfo) -> str:
    least = next((part.ge for part in field.metadata if hasattr(part, "ge")), None)
    most = next((part.le for part in field.metadata if hasattr(part, "le")), None)
    if least is not None and most is not None:
        return f", {least} to {most}"
    if least is not None:
        return f", at least {least}"
    return "" if most is None else f", at most {most}"


def _default(name: str, field: FieldInfo) -> str:
    if name in _DEFAULTS_IN_WORDS:
        return _DEFAULTS_IN_WORDS[name]
    if field.default is PydanticUndefined:
        raise TypeError(f"the default of {name} needs words in the settings reference")
    if field.default in ("", (), None):
        return "empty"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"`{field.default}`"


def main(arguments: list[str]) -> None:
    """Write the page into the file that is named."""
    (target,) = arguments
    Path(target).write_text(settings_page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
