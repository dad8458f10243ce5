"""Videos: what sites serve and phones record is looked at; what is broken or hostile says why."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.media import (
    Decoded,
    Decoder,
    DecoderTimeoutError,
    MediaError,
    MediaLimits,
    Medium,
    NoPicturesInVideoError,
    Sample,
    TooManyPixelsError,
    UnreadableError,
    sniff,
)
from indexer.media import containers as containers_module
from indexer.media.containers import opened
from tests.fixtures.clips import RATE, STREET, encoded, moving, photograph, plain, sound_only


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as running:
        yield running


@pytest.fixture(scope="module")
def street() -> bytes:
    """Twelve seconds, three scenes, key frames every two seconds."""
    return encoded(moving(STREET, seconds=12), g=20)


def looked_at(decoder: Decoder, content: bytes) -> tuple[Decoded, list[Sample]]:
    samples: list[Sample] = []
    return decoder.decode(Medium(content), samples.append), samples


GREY = np.array([0.299, 0.587, 0.114])


def like(one: np.ndarray, other: np.ndarray) -> bool:
    return float(np.abs(one.astype(int) - other.astype(int)).mean()) < 12


@pytest.mark.parametrize(
    ("codec", "container", "name", "pixel_format"),
    [
        ("libx264", "mp4", "MP4/QuickTime", "yuv420p"),
        ("libx264", "mov", "MP4/QuickTime", "yuv420p"),
        ("libx265", "mp4", "MP4/QuickTime", "yuv420p"),
        ("libsvtav1", "mp4", "MP4/QuickTime", "yuv420p"),
        ("mpeg4", "3gp", "MP4/QuickTime", "yuv420p"),
        ("prores", "mov", "MP4/QuickTime", "yuv422p10le"),
        ("libvpx", "webm", "WebM/Matroska", "yuv420p"),
        ("libvpx-vp9", "webm", "WebM/Matroska", "yuv420p"),
        ("libx264", "matroska", "WebM/Matroska", "yuv420p"),
        ("libx264", "mpegts", "MPEG-TS", "yuv420p"),
        ("libx264", "flv", "FLV", "yuv420p"),
        ("flv", "flv", "FLV", "yuv420p"),
        ("mpeg4", "avi", "AVI", "yuv420p"),
        ("mjpeg", "avi", "AVI", "yuvj420p"),
        ("wmv2", "asf", "ASF/WMV", "yuv420p"),
        ("mpeg2video", "mpeg", "MPEG", "yuv420p"),
        ("mpeg1video", "mpeg1video", "MPEG video", "yuv420p"),
    ],
)
def test_containers_and_codecs_of_the_web_are_looked_at(
    decoder: Decoder, codec: str, container: str, name: str, pixel_format: str
) -> None:
    rate = 25
    frames = list(moving(STREET, seconds=2, rate=rate))
    content = encoded(frames, codec, container, rate=rate, pixel_format=pixel_format)
    decoded, samples = looked_at(decoder, content)
    assert (decoded.kind, decoded.format_name) == ("video", name)
    assert (decoded.width_px, decoded.height_px) == (320, 240)
    assert abs(decoded.frames_total - len(frames)) <= 1
    assert decoded.video is not None
    assert 1900 <= decoded.video.duration_ms <= 2200
    assert decoded.left_out is None
    assert sum(sample.is_moment for sample in samples) == 5, "as many as of any short clip"
    for sample in samples:
        place = round(sample.at_ms * rate / 1000)
        near = frames[max(0, place - 2) : place + 3]  # a bare stream says no times
        assert any(like(sample.grey, shown @ GREY) for shown in near)


def test_there_is_a_moment_a_second_and_frames_between(decoder: Decoder, street: bytes) -> None:
    decoded, samples = looked_at(decoder, street)
    assert decoded.video is not None
    assert (decoded.video.duration_ms, decoded.video.looked_ms) == (12_000, 12_000)
    moments = [sample.at_ms for sample in samples if sample.is_moment]
    assert moments == [second * 1000 for second in range(12)]
    assert decoded.video.samples == len(samples)
    assert 80 <= len(samples) <= 96, "about eight a second, of ten that there are"
    assert [sample.number for sample in samples] == list(range(len(samples)))


def test_a_few_full_size_frames_are_spread_over_it(decoder: Decoder, street: bytes) -> None:
    decoded, _ = looked_at(decoder, street)
    places = [frame.frame_index for frame in decoded.frames]
    assert len(places) == 8
    assert places == sorted(places)
    assert places[0] < 20
    assert places[-1] > 100
    frames = list(moving(STREET, seconds=12))
    for frame in decoded.frames:
        assert frame.pixels.shape == (240, 320, 3)
        assert like(frame.pixels, frames[frame.frame_index])


def test_frames_with_nothing_on_them_are_not_chosen_where_there_are_others(
    decoder: Decoder,
) -> None:
    clip = [*plain(0, seconds=2), *moving(STREET, seconds=4), *plain(255, seconds=2)]
    decoded, _ = looked_at(decoder, encoded(clip))
    shown = [frame for frame in decoded.frames if 20 <= frame.frame_index < 60]
    assert len(shown) >= 4
    for frame in shown:
        assert frame.pixels.std() > 12


def test_a_phone_held_upright_is_turned_upright(decoder: Decoder) -> None:
    frames = list(moving(STREET, seconds=2))
    for degrees in (90, 180, 270):
        decoded, samples = looked_at(decoder, encoded(frames, rotation=degrees))
        upright = np.rot90(frames[0], degrees // 90)
        assert (decoded.height_px, decoded.width_px) == upright.shape[:2]
        assert like(samples[0].grey, upright @ GREY)
        first = decoded.frames[0]
        assert like(first.pixels, np.rot90(frames[first.frame_index], degrees // 90))


def test_frames_that_last_unevenly_are_looked_at_when_they_are_shown(decoder: Decoder) -> None:
    scenes = [photograph(name)[::2, ::2] for name in ("astronaut", "coffee", "chelsea", "rocket")]
    content = encoded(scenes, moments=[0, 400, 6_200, 9_000], g=1)
    decoded, samples = looked_at(decoder, content)
    assert [sample.at_ms for sample in samples] == [0, 400, 6_200, 9_000]
    assert [sample.is_moment for sample in samples] == [True] * 4
    assert decoded.frames_total == 4


def test_a_long_video_is_looked_at_further_apart(street: bytes) -> None:
    with Decoder(MediaLimits(max_video_moments=4)) as sparing:
        decoded, samples = looked_at(sparing, street)
    assert sum(sample.is_moment for sample in samples) == 4
    assert len(samples) <= 4 * 8
    assert decoded.video is not None
    assert decoded.video.looked_ms == 12_000


def test_beyond_the_budget_key_frames_stand_for_the_rest(street: bytes) -> None:
    with Decoder(MediaLimits(max_video_pixels=320 * 240 * 40)) as sparing:
        decoded, samples = looked_at(sparing, street)
    assert "only key frames" in (decoded.left_out or "")
    assert len(samples) < 45
    assert samples[-1].at_ms >= 9_000, "the end is seen, too"
    assert decoded.video is not None
    assert decoded.video.looked_ms == 12_000


def test_when_the_time_is_over_it_gives_what_it_has_and_says_so(street: bytes) -> None:
    with Decoder(MediaLimits(video_seconds=0.000_001)) as hurried:
        try:
            decoded, _ = looked_at(hurried, street)
        except UnreadableError:
            return
        assert "took too long" in (decoded.left_out or "")


def test_a_decoder_that_hangs_in_a_video_is_stopped(street: bytes) -> None:
    with (
        Decoder(MediaLimits(video_timeout_s=0.000_1)) as impatient,
        pytest.raises(DecoderTimeoutError),
    ):
        looked_at(impatient, street)


def test_more_frames_than_agreed_are_left_out_visibly(street: bytes) -> None:
    with Decoder(MediaLimits(max_video_packets=50)) as sparing:
        decoded, samples = looked_at(sparing, street)
    assert "first 50 frames" in (decoded.left_out or "")
    assert decoded.frames_total == 50
    assert max(sample.at_ms for sample in samples) <= 5_300


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_sound_alone_is_refused_as_what_it_is(decoder: Decoder, container: str) -> None:
    with pytest.raises(NoPicturesInVideoError, match="only sound"):
        decoder.decode(Medium(sound_only(container)))


@pytest.mark.parametrize("container", ["matroska", "mpegts", "flv"])
def test_what_is_left_of_a_broken_file_is_looked_at_and_said(
    decoder: Decoder, street: bytes, container: str
) -> None:
    content = encoded(moving(STREET, seconds=12), container=container, g=20)
    decoded, samples = looked_at(decoder, content[: len(content) * 6 // 10])
    assert decoded.video is not None
    assert 3_000 < decoded.video.duration_ms < 11_000
    assert len(samples) > 20
    if container != "mpegts":  # which announces no length
        assert "incomplete" in (decoded.left_out or "")


def test_an_mp4_that_breaks_off_is_looked_at_where_its_table_comes_first(decoder: Decoder) -> None:
    content = encoded(moving(STREET, seconds=12), g=20, movflags="+faststart")
    content = fast_start(content)
    decoded, samples = looked_at(decoder, content[: len(content) * 6 // 10])
    assert len(samples) > 20
    assert decoded.left_out is not None


def fast_start(content: bytes) -> bytes:
    """An MP4 with its table (`moov`) before its pictures; places in it are moved accordingly."""
    boxes, at = {}, 0
    while at < len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        boxes[content[at + 4 : at + 8]] = content[at : at + size]
        at += size
    table = bytearray(boxes[b"moov"])
    place = table.index(b"stco") + 4
    (count,) = struct.unpack(">I", table[place + 4 : place + 8])
    for entry in range(count):
        where = place + 8 + 4 * entry
        (offset,) = struct.unpack(">I", table[where : where + 4])
        table[where : where + 4] = struct.pack(">I", offset + len(table))
    first = [name for name in boxes if name not in {b"moov", b"mdat"}]
    return b"".join([*(boxes[name] for name in first), bytes(table), boxes[b"mdat"]])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0, 1), flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255))))
@pytest.mark.parametrize("container", ["mp4", "matroska", "avi"])
def test_a_damaged_video_is_looked_at_or_refused_with_a_reason(
    decoder: Decoder, container: str, share: float, flips: list[tuple[float, int]]
) -> None:
    content = bytearray(short_clip(container))
    for place, value in flips:
        content[64 + int(place * (len(content) - 64))] = value
    cut = bytes(content[: 64 + int(share * (len(content) - 64))])
    process = decoder._running_child()
    try:
        decoded, samples = looked_at(decoder, cut)
    except MediaError as error:
        assert error.code in {
            "unreadable",
            "no_pictures_in_video",
            "too_many_pixels",
            "too_much_memory",
        }
    else:
        assert decoded.frames
        assert samples
    assert process.is_alive(), "damage is an answer, not the end of a decoder"


_SHORT: dict[str, bytes] = {}


def short_clip(container: str) -> bytes:
    if container not in _SHORT:
        codec = "mpeg4" if container == "avi" else "libx264"
        frames = moving(STREET, seconds=2, size=(160, 120))
        _SHORT[container] = encoded(frames, codec, container, g=5)
    return _SHORT[container]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rest=st.binary(max_size=3000))
@pytest.mark.parametrize(
    "mark",
    [
        b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2",
        b"\x1a\x45\xdf\xa3",
        b"RIFF\xff\xff\xff\x7fAVI LIST",
        b"\x00\x00\x01\xba",
        b"FLV\x01\x05\x00\x00\x00\x09",
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",
        b"OggS",
        (b"G" + bytes(187)) * 3,
    ],
)
def test_noise_with_a_video_mark_is_refused(decoder: Decoder, mark: bytes, rest: bytes) -> None:
    process = decoder._running_child()
    with pytest.raises(MediaError):
        decoder.decode(Medium(mark + rest))
    assert process.is_alive()


def test_huge_dimensions_in_a_header_are_refused(decoder: Decoder) -> None:
    content = bytearray(encoded(moving(STREET, seconds=1), "msmpeg4", "avi"))
    # The sizes in an AVI's stream format (BITMAPINFOHEADER) and in its main header.
    place = content.index(b"strf") + 8
    content[place + 4 : place + 12] = struct.pack("<II", 60_000, 60_000)
    main = content.index(b"avih") + 8
    content[main + 32 : main + 40] = struct.pack("<II", 60_000, 60_000)
    with pytest.raises((TooManyPixelsError, UnreadableError)):
        decoder.decode(Medium(bytes(content)))


def test_pictures_larger_than_allowed_are_refused(street: bytes) -> None:
    with Decoder(MediaLimits(max_pixels=10_000)) as small, pytest.raises(TooManyPixelsError):
        small.decode(Medium(street))


def test_a_length_that_a_header_makes_up_costs_nothing_and_is_said(decoder: Decoder) -> None:
    content = bytearray(encoded(moving(STREET, seconds=3)))
    for name, at in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):
        place = content.index(name) + at
        content[place : place + 4] = struct.pack(">I", 0x7FFF_FFFF)
    decoded, samples = looked_at(decoder, bytes(content))
    assert decoded.video is not None
    assert decoded.video.duration_ms < 4_000
    assert len(samples) >= 20


def test_a_length_of_zero_hides_nothing(decoder: Decoder) -> None:
    content = bytearray(encoded(moving(STREET, seconds=6), container="matroska"))
    place = content.index(b"\x44\x89\x88") + 3  # Duration, eight bytes of floating point
    content[place : place + 8] = struct.pack(">d", 0.0)
    decoded, samples = looked_at(decoder, bytes(content))
    assert decoded.video is not None
    assert decoded.video.duration_ms == pytest.approx(6_000, abs=150)
    assert sum(sample.is_moment for sample in samples) == 6


def test_thousands_of_streams_are_refused_or_left_out(decoder: Decoder) -> None:
    content = bytearray(encoded(moving(STREET, seconds=1, size=(64, 48))))
    table = content.index(b"moov") - 4
    (size,) = struct.unpack(">I", content[table : table + 4])
    track = content.index(b"trak") - 4
    (track_size,) = struct.unpack(">I", content[track : track + 4])
    many = content[track : track + track_size] * 2000
    grown = struct.pack(">I", size + len(many)) + content[table + 4 : table + size] + many
    hostile = bytes(content[:table] + grown + content[table + size :])
    process = decoder._running_child()
    try:
        decoded, _ = looked_at(decoder, hostile)
    except MediaError as error:
        assert error.code in {"unreadable", "too_much_memory"}
    else:
        assert "more streams" in (decoded.left_out or "")
    assert process.is_alive()


PLAYLISTS = [
    b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://192.0.2.1/a.ts\n#EXT-X-ENDLIST\n",
    b"#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n",
    b"ffconcat version 1.0\nfile '/etc/hostname'\n",
    b"v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=video 5004 RTP/AVP 96\r\n",
]


@pytest.mark.parametrize("playlist", PLAYLISTS)
def test_a_playlist_is_no_video(decoder: Decoder, playlist: bytes) -> None:
    with pytest.raises(MediaError):
        decoder.decode(Medium(playlist, declared_type="application/vnd.apple.mpegurl"))


@pytest.mark.parametrize("playlist", PLAYLISTS)
@pytest.mark.parametrize("name", sorted(containers_module.DEMUXERS))
def test_a_playlist_with_a_video_mark_opens_nothing(
    monkeypatch: pytest.MonkeyPatch, playlist: bytes, name: str
) -> None:
    asked: list[str] = []

    def refuse(url: str, flags: int, options: dict[str, str]) -> None:
        asked.append(url)
        raise PermissionError(url)

    monkeypatch.setattr(containers_module, "_refuse", refuse)
    with pytest.raises(UnreadableError), opened(playlist * 20, name, max_pixels=1000) as container:
        list(container.demux())
        raise UnreadableError("it opened, and held nothing")
    assert asked == []


def test_a_movie_that_points_to_another_file_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, decoder: Decoder
) -> None:
    content = bytearray(encoded(moving(STREET, seconds=2)))
    # `url ` with flag 1 means "in this file"; without it and with a path, elsewhere.
    place = content.index(b"url ")
    content[place + 4 : place + 8] = bytes(4)
    asked: list[str] = []

    def refuse(url: str, flags: int, options: dict[str, str]) -> None:
        asked.append(url)
        raise PermissionError(url)

    monkeypatch.setattr(containers_module, "_refuse", refuse)
    with opened(bytes(content), "MP4/QuickTime", max_pixels=10**6) as container:
        list(container.demux())
    assert asked == []


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", "MP4/QuickTime"),
        ((b"\x00\x00\x00\x00G" + bytes(187)) * 3, "MPEG-TS"),
        ((b"G" + bytes(187)) * 3, "MPEG-TS"),
        (b"\x00\x00\x01\xb3" + bytes(20), "MPEG video"),
    ],
)
def test_less_usual_marks_are_known(head: bytes, name: str) -> None:
    sniffed = sniff(head)
    assert sniffed is not None
    assert (sniffed.medium, sniffed.format_name) == ("video", name)


def test_what_shows_samples_may_fail_and_the_decoder_lives_on(
    decoder: Decoder, street: bytes
) -> None:
    class UnexpectedError(Exception):
        pass

    def fails(sample: Sample) -> None:
        raise UnexpectedError

    with pytest.raises(UnexpectedError):
        decoder.decode(Medium(street), fails)
    decoded, samples = looked_at(decoder, street)
    assert decoded.kind == "video"
    assert samples
    assert RATE == 10
