"""How our processes talk: length-prefixed msgpack over pipes, never pickle.

1. A frame is four bytes of length (big endian) and that many bytes of msgpack.
2. The payload is one `msgspec.Struct` of an agreed, tagged union; anything else is refused.
3. A frame longer than the agreed maximum is refused before it is read.

A `ProbeFace` has no encoder here and none can be registered: `msgspec` refuses unknown types, and
no `enc_hook` is ever given (design rule 1).
"""

from __future__ import annotations

import struct
import threading
from typing import BinaryIO, Generic, TypeVar

import msgspec

from indexer.errors import WireError

_LENGTH = struct.Struct(">I")
MAX_FRAME_BYTES = 256 * 1024 * 1024

Sent = TypeVar("Sent")
Received = TypeVar("Received")


class Channel(Generic[Sent, Received]):
    """One side of a conversation: sends `Sent` messages, receives `Received` ones.

    `receives` is the type (or union of tagged structs) that incoming frames must decode to.
    Sending is safe from several threads; receiving belongs to one thread at a time.
    """

    def __init__(
        self,
        reader: BinaryIO,
        writer: BinaryIO,
        receives: type[Received] | object,
        *,
        max_frame_bytes: int = MAX_FRAME_BYTES,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[Received] = msgspec.msgpack.Decoder(receives)
        self._max_frame_bytes = max_frame_bytes
        self._send_lock = threading.Lock()

    def send(self, message: Sent) -> None:
        """Write one message and flush it. Raises `WireError` when the other side is gone."""
        payload = self._encoder.encode(message)
        if len(payload) > self._max_frame_bytes:
            raise WireError(f"a message of {len(payload)} bytes is longer than the agreed maximum")
        try:
            with self._send_lock:
                self._writer.write(_LENGTH.pack(len(payload)))
                self._writer.write(payload)
                self._writer.flush()
        except (BrokenPipeError, ValueError, OSError) as error:
            raise WireError("the other process has closed the pipe") from error

    def receive(self) -> Received | None:
        """Read one message; `None` when the other side closed the pipe between messages."""
        header = self._read_exactly(_LENGTH.size, at_border=True)
        if header is None:
            return None
        (length,) = _LENGTH.unpack(header)
        if length > self._max_frame_bytes:
            raise WireError(f"a frame of {length} bytes was announced; refused unread")
        payload = self._read_exactly(length, at_border=False)
        if payload is None:
            raise WireError("a frame of unknown length ended before it began")
        try:
            return self._decoder.decode(payload)
        except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise WireError(f"a message of the wrong form: {error}") from error

    def close(self) -> None:
        """Close both directions; the other side reads an orderly end."""
        self._writer.close()
        self._reader.close()

    def _read_exactly(self, length: int, *, at_border: bool) -> bytes | None:
        parts: list[bytes] = []
        missing = length
        while missing:
            try:
                part = self._reader.read(missing)
            except (OSError, ValueError) as error:
                raise WireError("the pipe broke while reading") from error
            if not part:
                if at_border and not parts:
                    return None
                raise WireError(f"the other process ended inside a message ({missing} bytes short)")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)
