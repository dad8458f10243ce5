"""Links from a CSV file: columns url, page_url, seen_at, note; only url is needed.

The whole file is read and checked first; one wrong row refuses all of it, with every wrong row
named, so that nothing is ever half imported.
"""

from __future__ import annotations

import csv
import io

from service.candidates.errors import ImportInvalidError, LinkInvalidError
from service.candidates.links import CheckedLink, GivenLink

MAX_CSV_BYTES = 2 * 1024 * 1024
MAX_ROWS = 2000
_COLUMNS = ("url", "page_url", "seen_at", "note")
_SHOWN_PROBLEMS = 20


def links_of_csv(content: bytes) -> tuple[GivenLink, ...]:
    """The links of a CSV file in UTF-8, separated by commas, semicolons or tabs."""
    if len(content) > MAX_CSV_BYTES:
        raise ImportInvalidError(f"The file is larger than {MAX_CSV_BYTES // 1024 // 1024} MB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportInvalidError("The file is not a text in UTF-8.") from error
    if "\x00" in text:
        raise ImportInvalidError("The file is not a text.")
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower() for name in reader.fieldnames or ()]
        if "url" not in names:
            raise ImportInvalidError(
                "The first line has to name the columns: url, and if you like page_url, seen_at, "
                "note."
            )
        reader.fieldnames = names
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise ImportInvalidError(f"Line {reader.line_num}: {error}.") from error
    if len(rows) > MAX_ROWS:
        raise ImportInvalidError(f"The file has more than {MAX_ROWS} rows; split it.")
    links, problems = [], []
    for number, row in rows:
        given = GivenLink(**{name: row.get(name) or "" for name in _COLUMNS})
        if not any((given.url, given.page_url, given.note)):
            continue
        try:
            CheckedLink.of(given)
        except LinkInvalidError as error:
            problems.append(f"Line {number}: {error}")
        links.append(given)
    if problems:
        shown = problems[:_SHOWN_PROBLEMS]
        if len(problems) > len(shown):
            shown.append(f"… and {len(problems) - len(shown)} more.")
        raise ImportInvalidError("Nothing was imported. " + " ".join(shown))
    if not links:
        raise ImportInvalidError("The file has no links.")
    return tuple(links)
