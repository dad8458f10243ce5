"""Makes the cut-outs from which the orientation network is trained (docs/orientation-network.md).

1. Of each person up to four photos are taken; the face in the middle is found upright.
2. Each photo is turned at random, made smaller or larger so that its face is 11 to 160 pixels wide,
   and shown to YuNet as it is and turned by a quarter, at a very low score.
3. What YuNet proposes about the face is a face, with the errors that its boxes have there; what it
   proposes elsewhere is none, and so are parts of the face and places at random.
4. People whose name hashes to a fifth are kept apart; nothing of them is trained on.

`python docs/training/orientation_cut_outs.py --faces DIR --others DIR --out cut-outs.npz`, with
DIR/<person>/*.jpg, and any folder of pictures that show nobody. It needs the project alone.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from indexer.faces.found import Seen, distinct, overlaps
from indexer.faces.landmarks import roll_degrees
from indexer.faces.packs import DEFAULT_PACK, default_models_dir, find_pack, pack_folder
from indexer.faces.session import Floats, open_session
from indexer.faces.yunet import YuNet
from indexer.faces.yunet_network import yunet_path
from indexer.media.picture import Pixels

SIDE_PX = 96
SHARE = 2.4
"""A cut-out shows this much of the box's longer side: training turns and moves within it."""
LEAST_SCORE = 0.08
PHOTOS_A_PERSON = 4
TURNS_A_PHOTO = 3
SMALLEST_PX, LARGEST_PX = 11.0, 160.0
FACELESS = ("brick", "grass", "gravel", "coins", "text", "page", "hubble_deep_field", "moon",
            "immunohistochemistry", "clock", "horse", "logo", "cell")  # fmt: skip
"""Pictures of scikit-image to train on. Its coffee, chelsea, rocket, retina and motorcycle are
kept for testing."""


@dataclass
class CutOuts:
    """What is collected; of a place that is no face `roll` is not a number."""

    pictures: list[Pixels] = field(default_factory=list)
    roll_degrees: list[float] = field(default_factory=list)
    off: list[tuple[float, float, float]] = field(default_factory=list)
    held_out: list[bool] = field(default_factory=list)

    def add(
        self,
        picture: Pixels,
        box: Floats,
        held_out: bool,
        roll: float = float("nan"),
        truth: Floats | None = None,
    ) -> None:
        """One place; `truth` is (middle x, middle y, side) of the face that is there."""
        middle, side = box[:2] + box[2:] / 2, float(box[2:].max())
        scale = SIDE_PX / (SHARE * side)
        move = SIDE_PX / 2 - scale * middle
        to_cut_out = np.array([[scale, 0, move[0]], [0, scale, move[1]]], np.float64)
        if scale < 0.5:
            # Points are sampled: what shrinks by more than a half is smoothed before.
            picture = cv2.GaussianBlur(picture, (0, 0), 0.35 / scale)
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        self.pictures.append(cv2.warpAffine(grey, to_cut_out, (SIDE_PX, SIDE_PX)))
        self.roll_degrees.append(roll)
        if truth is None:
            self.off.append((0.0, 0.0, 0.0))
        else:
            by = (truth[:2] - middle) / side
            self.off.append((float(by[0]), float(by[1]), float(np.log(truth[2] / side))))
        self.held_out.append(held_out)


def is_held_out(person: str) -> bool:
    """A fifth of all people, by name alone."""
    return int(hashlib.sha256(person.encode()).hexdigest()[:8], 16) % 5 == 0


def yunet() -> YuNet:
    """The default pack's detector."""
    file = find_pack(DEFAULT_PACK).file("detector")
    path = pack_folder(default_models_dir(), DEFAULT_PACK) / file.name
    return YuNet(open_session(yunet_path(path, file.sha256), "openvino", 1))


def main_face(network: YuNet, photo: Pixels) -> tuple[Floats, float, Seen] | None:
    """(middle x, middle y, side), roll and everything that may be a face, of an upright photo."""
    seen = distinct(network.look([photo], 0.3)[0], 50)
    if not len(seen) or seen.scores[0] < 0.7:
        return None
    centre = np.array(photo.shape[1::-1], np.float32) / 2
    middles = seen.boxes_px[:, :2] + seen.boxes_px[:, 2:] / 2
    main = int(np.abs(middles - centre).sum(axis=1).argmin())
    if np.abs(middles[main] - centre).max() > 40 or seen.scores[main] < 0.7:
        return None
    # Landmarks lean to upright: they show a third. Turn by what they say until they show nothing.
    roll = 3 * roll_degrees(seen.landmarks_px[main])
    for _ in range(2):
        around = tuple(float(each) for each in middles[main])
        turn = cv2.getRotationMatrix2D(around, roll, 1)
        again = distinct(
            network.look([cv2.warpAffine(photo, turn, photo.shape[1::-1])], 0.3)[0], 50
        )
        near = [
            at
            for at in range(len(again))
            if overlaps(seen.boxes_px[main], again.boxes_px[at : at + 1])[0] > 0.5
        ]
        if not near:
            return None
        roll += 3 * roll_degrees(again.landmarks_px[near[0]])
    truth = np.array([*middles[main], seen.boxes_px[main, 2:].max()], np.float32)
    return truth, roll, seen.only(np.arange(len(seen)) != main)


def add_photo(
    cut_outs: CutOuts, network: YuNet, photo: Pixels, held_out: bool, chance: np.random.Generator
) -> None:
    """Cut-outs of one photo, turned and scaled `TURNS_A_PHOTO` times."""
    found = main_face(network, photo)
    if found is None:
        return
    face, roll, others = found
    height, width = photo.shape[:2]
    for _ in range(TURNS_A_PHOTO):
        degrees = float(chance.uniform(0, 360))
        side = float(np.exp(chance.uniform(np.log(SMALLEST_PX), np.log(LARGEST_PX))))
        scale = side / face[2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
        new = round(scale * max(height, width) * 1.3) + 8
        turn[:, 2] += new / 2 - np.array([width / 2, height / 2])
        source = cv2.GaussianBlur(photo, (0, 0), 0.35 / scale) if scale < 0.6 else photo
        border = cv2.BORDER_REFLECT_101 if chance.random() < 0.3 else cv2.BORDER_CONSTANT
        grey = tuple(int(each) for each in np.repeat(chance.integers(0, 256), 3))
        turned = cv2.warpAffine(
            source, turn, (new, new), borderMode=border,
            borderValue=grey if chance.random() < 0.5 else (0, 0, 0),
        )  # fmt: skip
        truth = np.array([*(turn @ [face[0], face[1], 1.0]), side], np.float32)
        quarter = np.ascontiguousarray(np.rot90(turned))
        for look in (
            network.look([turned], LEAST_SCORE)[0],
            network.look([quarter], LEAST_SCORE)[0].turned_back(1, new, new),
        ):
            for box in distinct(look, 20).boxes_px:
                fit = how_it_fits(box, truth)
                if fit == "face":
                    cut_outs.add(turned, box, held_out, roll - degrees, truth)
                elif fit == "none" and not near_others(box, others, turn, scale):
                    cut_outs.add(turned, box, held_out)
        jittered = np.array([*(truth[:2] + chance.normal(0, 0.08, 2) * side), side], np.float32)
        jittered[2] *= float(np.exp(chance.normal(0, 0.15)))
        cut_outs.add(turned, square(jittered), held_out, roll - degrees, truth)
        for _ in range(2):
            place = np.array([*chance.uniform(0, new, 2), 0], np.float32)
            place[2] = side * float(np.exp(chance.uniform(np.log(0.3), np.log(3))))
            if how_it_fits(square(place), truth) == "none" and not near_others(
                square(place), others, turn, scale
            ):
                cut_outs.add(turned, square(place), held_out)
        part = np.array([*(truth[:2] + chance.uniform(-0.4, 0.4, 2) * side), side], np.float32)
        part[2] *= float(chance.uniform(0.2, 0.42) if chance.random() < 0.6 else 2.6)
        cut_outs.add(turned, square(part), held_out)


def square(place: Floats) -> Floats:
    """A box (4,) of (middle x, middle y, side)."""
    return np.array([place[0] - place[2] / 2, place[1] - place[2] / 2, place[2], place[2]], "f4")


def how_it_fits(box: Floats, truth: Floats) -> str:
    """Whether a box is about the face, is not, or is too much in between to learn from."""
    off = float(np.hypot(*(box[:2] + box[2:] / 2 - truth[:2]))) / float(truth[2])
    share = float(box[2:].max() / truth[2])
    if off < 0.35 and 0.55 < share < 1.7:
        return "face"
    return "none" if off > 0.7 or not 0.4 < share < 2.4 else "between"


def near_others(box: Floats, others: Seen, turn: Floats, scale: float) -> bool:
    """Whether a bystander's face may be there."""
    for other in others.boxes_px:
        middle = turn @ [other[0] + other[2] / 2, other[1] + other[3] / 2, 1.0]
        reach = scale * float(other[2:].max()) + float(box[2:].max())
        if np.abs(box[:2] + box[2:] / 2 - middle).max() < 0.6 * reach:
            return True
    return False


def add_faceless(
    cut_outs: CutOuts, network: YuNet, picture: Pixels, chance: np.random.Generator
) -> None:
    """What YuNet proposes in a picture that shows nobody, turned and scaled at random.

    A picture in which it sees somebody is left out: not all that is offered shows nobody.
    """
    if len(distinct(network.look([picture], 0.5)[0], 1)):
        return
    for _ in range(10):
        side = float(chance.uniform(160, 640))
        scale = min(1.5, side / max(picture.shape[:2]))
        size = tuple(max(32, round(each * scale)) for each in picture.shape[1::-1])
        scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        turned = np.ascontiguousarray(np.rot90(scaled, int(chance.integers(4))))
        seen = distinct(network.look([turned], 0.05)[0], 30)
        for box in seen.boxes_px:
            cut_outs.add(turned, box, held_out=False)
        for _ in range(12):
            at = chance.uniform(0, 1, 2) * turned.shape[1::-1]
            side = float(np.exp(chance.uniform(np.log(14), np.log(120))))
            cut_outs.add(turned, square(np.array([*at, side], np.float32)), held_out=False)


def main() -> None:
    """Make them all and write them."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--faces", type=Path, required=True)
    options.add_argument("--others", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--people", type=int, default=100_000)
    asked = options.parse_args()
    cv2.setNumThreads(1)
    chance = np.random.default_rng(20)
    network = yunet()
    cut_outs = CutOuts()
    for person in sorted(asked.faces.iterdir())[: asked.people]:
        for path in sorted(person.glob("*.jpg"))[:PHOTOS_A_PERSON]:
            photo = np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1])
            add_photo(cut_outs, network, photo, is_held_out(person.name), chance)
    from skimage import data  # noqa: PLC0415 - slow, and only its pictures are needed

    chance = np.random.default_rng(21)
    faceless = [np.asarray(getattr(data, name)()) for name in FACELESS]
    for path in sorted(asked.others.rglob("*.jpg")):
        read = cv2.imread(str(path))
        if read is not None:
            faceless.append(read[:, :, ::-1])
    for raw in faceless:
        picture = raw if raw.dtype == np.uint8 else (raw.astype(np.float32) * 255).astype(np.uint8)
        if picture.ndim == 2:
            picture = np.stack([picture] * 3, axis=2)
        add_faceless(cut_outs, network, np.ascontiguousarray(picture[:, :, :3]), chance)
    np.savez(
        asked.out,
        pictures=np.stack(cut_outs.pictures),
        roll_degrees=np.array(cut_outs.roll_degrees, np.float32),
        off=np.array(cut_outs.off, np.float32),
        held_out=np.array(cut_outs.held_out),
    )
    faces = np.isfinite(cut_outs.roll_degrees).sum()
    print(f"{len(cut_outs.pictures)} cut-outs, {faces} of faces, {sum(cut_outs.held_out)} held out")  # noqa: T201 - a script's result


if __name__ == "__main__":
    main()
