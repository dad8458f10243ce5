"""The decoder process: `python -m indexer.media.decode_child MEMORY_FD`, started by `Decoder`.

1. Confine itself (limits, no network), map the shared memory, load the codecs, say it is ready.
2. For each medium: decode into the shared memory and answer (of a video, small frames first, a
   handful at a time, and frames in colour where faces are looked for), then read what the file
   declares of itself and answer that.
3. End when the pipe closes.

It is a program, the one place where decoding and reading declarations meet; nothing imports it.
"""

from __future__ import annotations

import mmap
import sys

from indexer.errors import WireError
from indexer.media.confinement import confine, cpu_seconds
from indexer.media.declared import declared_facts
from indexer.media.errors import MediaError
from indexer.media.messages import (
    ChildSettings,
    DeclaredFacts,
    DecodeRefused,
    DecodeRequest,
    DecoderReady,
    FromChild,
    GoOn,
    InFull,
    SampledFrames,
    SamplePlace,
    ShowInFull,
    ShownFrame,
    ToChild,
)
from indexer.media.picture import NextShown
from indexer.media.shown_frames import InFullSize
from indexer.media.sniff import sniff_medium
from indexer.media.stills import decode_into, prepare_codecs
from indexer.media.videos import decode_video_into
from indexer.wire import Channel


def main(arguments: list[str]) -> int:
    """Serve one owner until it closes the pipe."""
    memory_fd, memory_bytes, address_space_bytes, cpu_lifetime_s, open_files = map(int, arguments)
    confine(
        address_space_bytes=address_space_bytes + memory_bytes,
        cpu_lifetime_s=cpu_lifetime_s,
        open_files=open_files,
    )
    channel: Channel[FromChild, ToChild] = Channel(sys.stdin.buffer, sys.stdout.buffer, ToChild)
    settings = channel.receive()
    if not isinstance(settings, ChildSettings):
        return 2
    prepare_codecs(settings)
    with mmap.mmap(memory_fd, memory_bytes) as memory:
        channel.send(DecoderReady())
        while True:
            try:
                request = channel.receive()
            except WireError:
                return 1
            if not isinstance(request, DecodeRequest):
                return 0
            _answer(channel, request, memory, settings)


def _answer(
    channel: Channel[FromChild, ToChild],
    request: DecodeRequest,
    memory: mmap.mmap,
    settings: ChildSettings,
) -> None:
    def hand_over(samples: tuple[SamplePlace, ...]) -> None:
        channel.send(SampledFrames(samples))
        if not isinstance(channel.receive(), GoOn):
            raise WireError("small frames were handed over and something else came")

    def show(shown: ShownFrame, in_full: InFullSize) -> NextShown:
        channel.send(shown)
        while isinstance(answer := channel.receive(), ShowInFull):
            channel.send(InFull(in_full()))
        if not isinstance(answer, GoOn):
            raise WireError("a frame was shown and something else came")
        return answer.next_shown

    content = request.content
    try:
        sniffed = sniff_medium(content)
        with memoryview(memory) as output:
            if sniffed.medium == "picture":
                frames = decode_into(
                    content,
                    sniffed.format_name,
                    output,
                    settings,
                    request.least_side_px,
                    request.frame_indexes,
                )
            else:
                frames = decode_video_into(
                    content,
                    sniffed.format_name,
                    output,
                    settings,
                    hand_over,
                    show if request.show_frames else None,
                    request.frame_indexes,
                )
    except MediaError as error:
        channel.send(DecodeRefused(error.code, str(error), cpu_seconds()))
        return
    channel.send(frames)
    channel.send(DeclaredFacts(declared_facts(content), cpu_seconds()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
