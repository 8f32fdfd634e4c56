"""Reads HTTP/1 messages exactly as on the wire, for the stories' origins and clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO


@dataclass
class Message:
    """A request or response: `head` has its exact bytes up to and including the empty line, `raw_body` those after it."""

    head: bytes
    raw_body: bytes = b""
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    complete: bool = True

    @property
    def start_line(self) -> bytes:
        return self.head.split(b"\r\n", 1)[0]

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        lines = self.head.split(b"\r\n")[1:-2]
        return [(name, value[1:] if value[:1] == b" " else value) for name, _, value in (l.partition(b":") for l in lines)]

    def all(self, name: bytes) -> list[bytes]:
        return [value for field_name, value in self.fields if field_name.lower() == name.lower()]

    def get(self, name: bytes, default: bytes | None = None) -> bytes | None:
        return next(iter(self.all(name)), default)

    @property
    def method(self) -> bytes:
        return self.start_line.split(b" ")[0]

    @property
    def target(self) -> bytes:
        return self.start_line.split(b" ")[1]

    @property
    def status(self) -> int:
        return int(self.start_line.split(b" ")[1])

    @property
    def reason(self) -> bytes:
        return self.start_line.split(b" ", 2)[2]


def read_head(stream: IO[bytes]) -> bytes:
    """The bytes up to and including the empty line; empty at the end of the stream."""
    head = b""
    while line := stream.readline():
        head += line
        if line in (b"\r\n", b"\n"):
            return head
    return b""


def read_request(stream: IO[bytes]) -> Message | None:
    """The next request, or None at the end of the stream."""
    head = read_head(stream)
    return read_body(stream, Message(head), until_eof=False) if head else None


def read_response(stream: IO[bytes], to: bytes = b"GET") -> Message | None:
    """The next response, 1xx included, or None at the end of the stream."""
    head = read_head(stream)
    if not head:
        return None
    message = Message(head)
    if to == b"HEAD" or message.status in (204, 304) or message.status < 200:
        return message
    return read_body(stream, message, until_eof=True)


def read_body(stream: IO[bytes], message: Message, until_eof: bool) -> Message:
    if b"chunked" in (message.get(b"transfer-encoding") or b"").lower():
        return read_chunked(stream, message)
    length = message.get(b"content-length")
    if length is not None:
        message.body = message.raw_body = stream.read(int(length))
        message.complete = len(message.body) == int(length)
    elif until_eof:
        message.body = message.raw_body = stream.read()
    return message


def read_chunked(stream: IO[bytes], message: Message) -> Message:
    body, raw = bytearray(), bytearray()
    while True:
        line = stream.readline()
        raw += line
        if not line.strip():
            message.complete = False
            break
        size = int(line.split(b";")[0], 16)
        if size == 0:
            break
        data = stream.read(size + 2)
        raw += data
        body += data[:size]
    while message.complete and (line := stream.readline()).strip():
        raw += line
        name, _, value = line.rstrip(b"\r\n").partition(b":")
        message.trailers.append((name, value.strip()))
    message.body, message.raw_body = bytes(body), bytes(raw)
    return message


def response(body: bytes = b"", *fields: tuple[bytes, bytes], status: bytes = b"200 OK") -> bytes:
    """A response with a Content-Length."""
    lines = [b"HTTP/1.1 " + status, *(name + b": " + value for name, value in fields)]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


def chunked(*chunks: bytes, trailers: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    """A chunked body."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return body + b"0\r\n" + b"".join(name + b": " + value + b"\r\n" for name, value in trailers) + b"\r\n"
