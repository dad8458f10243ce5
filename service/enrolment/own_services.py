"""Services to which only the depicted person may submit, and how they go there by themselves.

Likeness never hashes, uploads or files anything there for anybody: it says what the service does,
what it needs and what the person gets, and leads there when they tap. What was not read in the
service's own text says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

OwnServiceKey = Literal["stopncii", "take_it_down", "report_remove"]

_READ: Final = date(2026, 11, 23)


@dataclass(frozen=True, slots=True)
class OwnService:
    """One service. `link` opens on a tap only; `needs`, `steps` and `gives` are plain sentences.

    `verified` is False where part of it was read only in somebody else's words.
    """

    key: OwnServiceKey
    name: str
    for_whom: str
    what_it_does: str
    needs: tuple[str, ...]
    steps: tuple[str, ...]
    gives: tuple[str, ...]
    link: str
    shown_link: str
    source: str
    checked_on: date
    verified: bool
    for_minors: bool


OWN_SERVICES: Final[tuple[OwnService, ...]] = (
    OwnService(
        key="stopncii",
        name="StopNCII.org",
        for_whom="For you if you are 18 or older now, were 18 or older in the picture, and are "
        "in it yourself, really or made to look so.",
        what_it_does="Your phone makes a fingerprint of the picture. Only that goes to "
        "StopNCII.org, and the companies that take part look for the picture on their sites and "
        "stop it there.",
        needs=(
            "The picture or video on your own device. It does not leave it.",
            "About ten minutes, somewhere you are not watched.",
        ),
        steps=(
            "Open stopncii.org on the device that has the picture, and choose to create a case.",
            "Answer its questions. It asks whether you are in the picture and how old you were.",
            "Choose the pictures. Their fingerprints are made on your device.",
            "Write down the case number and choose a PIN. Keep both where only you can find them.",
        ),
        gives=(
            "A case number and a PIN. Nobody can bring them back if they are lost.",
            "Without them you can neither see the case nor take it back; nor can we.",
            "With them you see which companies answered, and can withdraw the case.",
        ),
        link="https://stopncii.org/",
        shown_link="stopncii.org",
        source="stopncii.org, frequent questions",
        checked_on=_READ,
        verified=True,
        for_minors=False,
    ),
    OwnService(
        key="take_it_down",
        name="Take It Down",
        for_whom="For everybody, everywhere in the world, if you were under 18 in the picture; "
        "also if you are older now.",
        what_it_does="Your phone makes a fingerprint of the picture. Only that goes to the "
        "service, and the sites that take part look for the picture and remove it. You need not "
        "say who you are.",
        needs=("The picture or video on your own device. It does not leave it.",),
        steps=(
            "Open takeitdown.ncmec.org on the device that has the picture, and begin.",
            "Answer its questions, choose the pictures, and let their fingerprints be made.",
            "Write down the case number that it shows at the end.",
        ),
        gives=("A case number, with which you can look at your case again.",),
        link="https://takeitdown.ncmec.org/",
        shown_link="takeitdown.ncmec.org",
        source="takeitdown.ncmec.org",
        checked_on=_READ,
        verified=True,
        for_minors=True,
    ),
    OwnService(
        key="report_remove",
        name="Report Remove",
        for_whom="In the United Kingdom, if you are under 18; from Childline and the Internet "
        "Watch Foundation.",
        what_it_does="You show the picture, or where it is, to people at the Internet Watch "
        "Foundation who are allowed to look. They have it removed where they can and share its "
        "fingerprint with sites.",
        needs=(
            "The picture, or the address where it is.",
            "If you are 13 or older, something that shows your age.",
        ),
        steps=(
            "Open childline.org.uk and search for “Report Remove”.",
            "Make a Childline account, so that they can tell you what happened.",
            "Give the picture or its address.",
        ),
        gives=("Messages in your Childline account, and somebody to talk to.",),
        link="https://www.childline.org.uk/",
        shown_link="childline.org.uk",
        source="iwf.org.uk and childline.org.uk",
        checked_on=_READ,
        verified=True,
        for_minors=True,
    ),
)
SERVICES_FOR_MINORS: Final = tuple(each for each in OWN_SERVICES if each.for_minors)


def own_service(key: str) -> OwnService | None:
    """The service called `key`, or None."""
    return next((each for each in OWN_SERVICES if each.key == key), None)
