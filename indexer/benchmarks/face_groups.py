"""Does it err more often for some people than for others? Errors by group, where groups are given.

A label file says which group each person is in; Likeness itself never guesses one. At one
threshold, for each group: the share of genuine comparisons missed (each person the same), the share
of comparisons within the group that are taken for the same person (each pair of people the same;
strangers of one's own group are the hard ones), and the pictures in which no face is found.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from indexer.benchmarks.faces_seen import NothingToMeasureError, SeenSet
from indexer.benchmarks.impostors import compare_impostors
from indexer.benchmarks.verification import compare_genuine
from indexer.errors import IndexerError

_FIELDS: Final = 2
_FEWEST: Final = 2
_Z_95: Final = 1.96
_HEADER: Final = ("person", "group")


class LabelsUnreadableError(IndexerError):
    """The label file is not lines of a person and a group; the message names the line."""

    code = "labels_unreadable"


class GroupErrors(msgspec.Struct, frozen=True):
    """One group at the threshold. `fnmr` is None where nobody of it has two pictures."""

    group: str
    people: int
    pictures: int
    missed_share: float
    people_with_several: int
    fnmr: float | None
    fnmr_interval: tuple[float, float] | None
    pairs_of_people: int
    fmr_within: float
    false_couples: int


class Groups(msgspec.Struct, frozen=True):
    """All groups with at least two people, and how many people have none."""

    threshold: float
    unlabelled_people: int
    groups: tuple[GroupErrors, ...]


def read_labels(path: Path) -> dict[str, str]:
    """The group of each person, from lines of `person,group` or with a tab. A header is allowed.

    Raises `LabelsUnreadableError`.
    """
    groups: dict[str, str] = {}
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LabelsUnreadableError(f"{path} cannot be read: {error}") from error
    separator = "\t" if "\t" in text else ","
    for number, fields in enumerate(csv.reader(text.splitlines(), delimiter=separator), 1):
        if not fields or (number == 1 and tuple(f.strip().lower() for f in fields) == _HEADER):
            continue
        person, group = (*(field.strip() for field in fields), "")[:_FIELDS]
        if len(fields) != _FIELDS or not person or not group:
            raise LabelsUnreadableError(f"{path}, line {number}: expected a person and a group")
        if groups.setdefault(person, group) != group:
            raise LabelsUnreadableError(f"{path}, line {number}: {person!r} has two groups")
    if not groups:
        raise LabelsUnreadableError(f"{path} holds no labels")
    return groups


def measure_groups(seen: SeenSet, labels: dict[str, str], threshold: float) -> Groups:
    """Errors of every group at one threshold. Raises `NothingToMeasureError`."""
    members: dict[str, list[int]] = {}
    for who, name in enumerate(seen.people):
        if name in labels:
            members.setdefault(labels[name], []).append(who)
    groups = [
        _errors(group, seen.only(people), threshold)
        for group, people in sorted(members.items())
        if (seen.pictures_of[people] > 0).sum() >= _FEWEST
    ]
    if not groups:
        raise NothingToMeasureError(
            "no group of the label file has two people in this folder: are the names the folders'?"
        )
    labelled = sum(len(people) for people in members.values())
    return Groups(threshold, len(seen.people) - labelled, tuple(groups))


def _errors(group: str, seen: SeenSet, threshold: float) -> GroupErrors:
    impostors = compare_impostors(seen)
    several = int((seen.pictures_of >= _FEWEST).sum())
    fnmr, interval = None, None
    if several:
        genuine = compare_genuine(seen)
        misses = np.bincount(
            genuine.person[genuine.similarity < threshold], minlength=len(seen.people)
        )
        able = genuine.pairs_of > 0
        of_each = misses[able] / genuine.pairs_of[able]
        fnmr = float(of_each.mean())
        half = _Z_95 * float(of_each.std()) / len(of_each) ** 0.5
        interval = (max(0.0, fnmr - half), min(1.0, fnmr + half))
    pictures = len(seen.person) + int(seen.missed.sum())
    return GroupErrors(
        group=group,
        people=impostors.people,
        pictures=pictures,
        missed_share=float(seen.missed.sum()) / pictures,
        people_with_several=several,
        fnmr=fnmr,
        fnmr_interval=interval,
        pairs_of_people=impostors.pairs_of_people,
        fmr_within=impostors.fmr(threshold),
        false_couples=impostors.couples(threshold),
    )
