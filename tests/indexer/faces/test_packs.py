from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import indexer.faces
from indexer.faces import FaceEngine, check_pack, find_pack, list_packs
from indexer.faces.errors import (
    LicenceNotAcceptedError,
    PackDamagedError,
    PackDescriptionError,
    PackMissingError,
    RuntimeUnavailableError,
    UnknownPackError,
)
from indexer.faces.folder_packs import CALIBRATION, DESCRIPTION
from indexer.faces.packs import BUILT_IN, DEFAULT_PACK, require_licence, sha256_of, stamp_of

YUNET_SHA256 = "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10"
SFACE_SHA256 = "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee"


CALIBRATION_BY_HAND = """[calibration]
measured_on = "our own set"
points = {points}
default_threshold = 0.4
same_person_threshold = 0.3
"""
SHIPPED = Path(indexer.faces.__file__).parent / "calibrations" / f"{DEFAULT_PACK}.json"


def copy_of_default_pack(models_dir: Path, to: Path, name: str = DEFAULT_PACK) -> Path:
    folder = to / name
    folder.mkdir(parents=True)
    for file in find_pack(DEFAULT_PACK).files:
        shutil.copy(models_dir / DEFAULT_PACK / file.name, folder / file.name)
    return folder


def describe(folder: Path, **changed: str) -> None:
    said = {
        "kind": '"yunet"',
        "detector_sha256": f'"{YUNET_SHA256}"',
        "recogniser_sha256": f'"{SFACE_SHA256}"',
        "points": "[[0.3, 1e-3], [0.4, 1e-4]]",
        "detector_file": '"face_detection_yunet_2023mar_int8bq.onnx"',
        "more": "",
        "calibration": CALIBRATION_BY_HAND,
        **changed,
    }
    (folder / DESCRIPTION).write_text(
        f"""
source = "brought by hand"
{said["more"]}
[detector]
kind = {said["kind"]}
file = {said["detector_file"]}
sha256 = {said["detector_sha256"]}
size_bytes = 122489
[recogniser]
file = "face_recognition_sface_2021dec_int8bq.onnx"
sha256 = {said["recogniser_sha256"]}
size_bytes = 10667852
dimension = 128
mean = 0.0
std = 1.0
[licence]
name = "our-contract"
permits = "use by us"
{said["calibration"].format(points=said["points"])}
""",
        "utf-8",
    )


def test_the_default_pack_is_the_published_files_and_free_for_anyone() -> None:
    pack = find_pack(DEFAULT_PACK)
    assert (pack.file("detector").sha256, pack.file("detector").size_bytes) == (
        YUNET_SHA256,
        122_489,
    )
    assert (pack.file("recogniser").sha256, pack.file("recogniser").size_bytes) == (
        SFACE_SHA256,
        10_667_852,
    )
    assert not pack.licence.needs_acceptance
    require_licence(pack, ())


@pytest.mark.parametrize("name", ["buffalo_l", "buffalo_s", "antelopev2"])
def test_insightface_weights_need_the_operators_word(name: str) -> None:
    pack = find_pack(name)
    with pytest.raises(LicenceNotAcceptedError, match="non-commercial research"):
        require_licence(pack, ())
    with pytest.raises(LicenceNotAcceptedError, match=name):
        require_licence(pack, ("some-other-pack",))
    require_licence(pack, (name,))
    require_licence(pack, (pack.licence.licence_id,))


def test_the_licence_is_asked_before_the_files_are(tmp_path: Path) -> None:
    with pytest.raises(LicenceNotAcceptedError):
        FaceEngine.open("buffalo_s", models_dir=tmp_path)
    with pytest.raises(PackMissingError, match="likeness models fetch buffalo_s"):
        FaceEngine.open("buffalo_s", models_dir=tmp_path, accepted_licences=("buffalo_s",))


def test_every_pack_says_where_it_comes_from_and_how_it_was_measured() -> None:
    for pack in list_packs():
        assert len(pack.files) == 2
        assert all(len(file.sha256) == 64 and file.size_bytes > 0 for file in pack.files)
        assert pack.source
        assert pack.licence.permits
        assert pack.calibration.measured_on
        assert pack.input_words.startswith("112x112")


def test_an_unknown_pack_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownPackError, match="yunet-sface"):
        FaceEngine.open("no-such-pack", models_dir=tmp_path)
    with pytest.raises(UnknownPackError):
        find_pack("../../etc", tmp_path)
    with pytest.raises(UnknownPackError):
        find_pack("", tmp_path)


@pytest.mark.parametrize("name", ["x" * 5000, "ü" * 200, "\ud800", "a\x00b"])
def test_a_name_that_no_folder_can_have_is_refused_like_any_other(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(UnknownPackError) as refused:
        find_pack(name, tmp_path)
    assert len(str(refused.value)) < 500


def test_an_unknown_runtime_is_refused(models_dir: Path) -> None:
    with pytest.raises(RuntimeUnavailableError, match="openvino"):
        FaceEngine.open(models_dir=models_dir, runtime="tensorrt")


def test_a_missing_pack_says_what_to_run(tmp_path: Path) -> None:
    assert check_pack(DEFAULT_PACK, tmp_path).state == "missing"
    with pytest.raises(PackMissingError, match="likeness models fetch yunet-sface"):
        FaceEngine.open(models_dir=tmp_path)


@pytest.mark.parametrize("harm", ["one byte flipped", "cut short"])
def test_a_damaged_file_is_noticed_before_it_is_loaded(
    models_dir: Path, tmp_path: Path, harm: str
) -> None:
    folder = copy_of_default_pack(models_dir, tmp_path)
    path = folder / find_pack(DEFAULT_PACK).file("recogniser").name
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content if harm == "one byte flipped" else content[:-10])
    status = check_pack(DEFAULT_PACK, tmp_path)
    assert status.state == "damaged"
    assert "recognition_sface" in status.problems[0]
    with pytest.raises(PackDamagedError, match="damaged"):
        FaceEngine.open(models_dir=tmp_path)


def test_packs_have_different_stamps_and_one_pack_always_the_same() -> None:
    stamps = [stamp_of(pack) for pack in BUILT_IN]
    assert len({stamp.digest for stamp in stamps}) == len(BUILT_IN)
    assert stamps == [stamp_of(pack) for pack in BUILT_IN]


def test_a_described_pack_is_listed_loaded_and_compared_by_its_own_figures(
    models_dir: Path, tmp_path: Path
) -> None:
    describe(copy_of_default_pack(models_dir, tmp_path, "ours"))
    assert [pack.name for pack in list_packs(tmp_path)][-1] == "ours"
    with pytest.raises(LicenceNotAcceptedError, match="use by us"):
        FaceEngine.open("ours", models_dir=tmp_path)
    engine = FaceEngine.open("ours", models_dir=tmp_path, accepted_licences=("our-contract",))
    assert engine.pack.calibration.default_threshold == 0.4
    assert engine.model != stamp_of(find_pack(DEFAULT_PACK))


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": '"retina"'},
        {"detector_sha256": '"abc"'},
        {"detector_file": '"../elsewhere.onnx"'},
        {"points": "[[0.3, 1e-3]]"},
        {"points": "[[0.4, 1e-3], [0.3, 1e-4]]"},
        {"more": "colour = 3"},
        {"more": "]["},
    ],
)
def test_a_wrong_description_is_refused_with_its_place(
    models_dir: Path, tmp_path: Path, changed: dict[str, str]
) -> None:
    describe(copy_of_default_pack(models_dir, tmp_path, "ours"), **changed)
    with pytest.raises(PackDescriptionError, match=DESCRIPTION):
        find_pack("ours", tmp_path)


@pytest.mark.parametrize(
    ("name", "line"), [(CALIBRATION, ""), ("made.json", 'calibration_file = "made.json"')]
)
def test_a_calibration_beside_a_described_pack_is_used(
    models_dir: Path, tmp_path: Path, name: str, line: str
) -> None:
    folder = copy_of_default_pack(models_dir, tmp_path, "ours")
    describe(folder, more=line, calibration="")
    assert line or not find_pack("ours", tmp_path).calibration.measured
    shutil.copy(SHIPPED, folder / name)
    assert find_pack("ours", tmp_path).calibration == find_pack(DEFAULT_PACK).calibration


@pytest.mark.parametrize(
    ("line", "calibration", "why"),
    [
        ('calibration_file = "made.json"', CALIBRATION_BY_HAND, "both"),
        ('calibration_file = "absent.json"', "", "cannot be read"),
        ('calibration_file = "../made.json"', "", "plain file name"),
    ],
)
def test_a_wrongly_named_calibration_is_refused(
    models_dir: Path, tmp_path: Path, line: str, calibration: str, why: str
) -> None:
    folder = copy_of_default_pack(models_dir, tmp_path, "ours")
    describe(folder, more=line, calibration=calibration)
    with pytest.raises(PackDescriptionError, match=why):
        find_pack("ours", tmp_path)


def test_an_operators_calibration_of_a_built_in_pack_replaces_the_shipped_one(
    tmp_path: Path,
) -> None:
    folder = tmp_path / DEFAULT_PACK
    folder.mkdir()
    own = SHIPPED.read_text("utf-8").replace('"set_name": "', '"set_name": "Ours, like ')
    (folder / CALIBRATION).write_text(own, "utf-8")
    assert find_pack(DEFAULT_PACK, tmp_path).calibration.measured_on.startswith("Ours, like ")
    assert list_packs(tmp_path)[0] == find_pack(DEFAULT_PACK, tmp_path)


def test_a_calibration_of_another_model_beside_a_pack_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "buffalo_l"
    folder.mkdir()
    shutil.copy(SHIPPED, folder / CALIBRATION)
    with pytest.raises(PackDescriptionError, match="another model"):
        find_pack("buffalo_l", tmp_path)


def test_a_bare_folder_in_insightfaces_layout_is_a_pack(shared_data: Path) -> None:
    mini = find_pack("insightface-mini", shared_data)
    assert mini == find_pack("insightface-mini", shared_data / "models")
    assert mini.family == "insightface"
    assert mini.dimension == 128
    assert mini.file("detector").sha256 == sha256_of(
        shared_data / "models" / "insightface-mini" / "det_500m.onnx"
    )
    with pytest.raises(LicenceNotAcceptedError):
        FaceEngine.open("insightface-mini", models_dir=shared_data)


def test_a_folder_without_models_is_no_pack(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnknownPackError):
        find_pack("empty", tmp_path)
