"""HTTP/2 clients and origins with the `h2` library, which send whatever a story needs, allowed or not."""

from __future__ import annotations

import itertools
import select
import socket
import ssl
from dataclasses import dataclass, field
from typing import Callable, Iterable

import h2.config
import h2.connection
import h2.events
import h2.settings

from .clients import tls_client
from .daemon import Proxyd
from .frames import Frame, FrameReader
from .origin import Visit

Fields = list[tuple[str, str]]


@dataclass
class Stream:
    """What has arrived on one stream."""

    heads: list[Fields] = field(default_factory=list)
    body: bytes = b""
    trailers: Fields | None = None
    ended: bool = False
    reset: int | None = None

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None

    @property
    def status(self) -> int:
        return int(dict(self.heads[-1])[":status"])

    @property
    def fields(self) -> dict[str, str]:
        return dict(self.heads[-1])


class Peer:
    """One end of an HTTP/2 connection. Without `strict`, nothing that it sends is checked. Fields are strings in
    `encoding`, or bytes if that is None; heads of up to `list_size` bytes are accepted.

    `notes_frames`: received frames are also in `frames`. `is_deaf`: what arrives is ignored, since the library would refuse it after a GOAWAY.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        is_client: bool,
        strict: bool = True,
        encoding: str | None = "utf-8",
        list_size: int | None = None,
        settings: dict[int, int] | None = None,
        notes_frames: bool = False,
    ):
        self.socket = sock
        config = h2.config.H2Configuration(
            client_side=is_client,
            header_encoding=encoding,
            validate_outbound_headers=strict,
            normalize_outbound_headers=strict,
            validate_inbound_headers=True,
        )
        self.h2 = h2.connection.H2Connection(config)
        if settings:
            self.h2.local_settings = h2.settings.Settings(client=is_client, initial_values=settings)
        self.streams: dict[int, Stream] = {}
        self.goaway: int | None = None
        self.pings = 0
        self.closed = False
        self.is_deaf = False
        self.gives_window = True
        self.frames: list[Frame] = []
        self._reader = FrameReader() if notes_frames else None
        self.h2.initiate_connection()
        if list_size:
            self.h2.decoder.max_header_list_size = list_size
            self.h2.update_settings({h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: list_size})
        self.flush()

    def flush(self) -> None:
        data = self.h2.data_to_send()
        if data:
            self.socket.sendall(data)

    def receive(self) -> list[h2.events.Event]:
        """The next events; empty at the end."""
        try:
            data = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLEOFError):
            data = b""
        if not data:
            self.closed = True
        if self._reader:
            self.frames += self._reader.feed(data)
        if not data or self.is_deaf:
            return []
        events = self.h2.receive_data(data)
        for event in events:
            self._note(event)
        self.flush()
        return events

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Reads until `condition` holds."""
        while not condition():
            try:
                self.receive()
            except TimeoutError:
                raise AssertionError(f"waited for {what}; there were {self.streams}") from None
            assert not self.closed or condition(), f"the connection was closed before {what}; there were {self.streams}"

    def sync(self) -> None:
        """Waits until the other end has processed everything that was sent."""
        answered = self.pings
        self.h2.ping(bytes(8))
        self.flush()
        self.wait(lambda: self.pings > answered, "the answer to a PING")

    def send_nothing(self, identifier: int, padding: int | None) -> None:
        """Sends a DATA frame without data, and waits until the other end has processed it."""
        self.h2.send_data(identifier, b"", pad_length=padding)
        self.sync()

    def _note(self, event: h2.events.Event) -> None:
        stream = self.streams.setdefault(getattr(event, "stream_id", 0) or 0, Stream())
        match event:
            case (
                h2.events.RequestReceived()
                | h2.events.ResponseReceived()
                | h2.events.InformationalResponseReceived()
            ):
                stream.heads.append(list(event.headers))
            case h2.events.DataReceived():
                stream.body += event.data
                if self.gives_window and event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.TrailersReceived():
                stream.trailers = list(event.headers)
            case h2.events.StreamEnded():
                stream.ended = True
            case h2.events.StreamReset():
                stream.reset = int(event.error_code)
            case h2.events.PingAckReceived():
                self.pings += 1
            case h2.events.ConnectionTerminated():
                self.goaway = int(event.error_code)


class H2Client(Peer):
    """A client inside an intercepted tunnel to `localhost:port`, or directly at the proxy."""

    def __init__(self, proxyd: Proxyd, port: int, **settings: object):
        self._client = tls_client(proxyd, "localhost", port, alpn=["h2", "http/1.1"])
        sock = self._client.socket
        assert sock.selected_alpn_protocol() == "h2", "the proxy did not choose h2"
        self.authority = f"localhost:{port}"
        super().__init__(sock, is_client=True, **settings)

    def head(self, path: str = "/", method: str = "GET", *fields: tuple[str, str]) -> Fields:
        return [
            (":method", method), (":scheme", "https"), (":authority", self.authority), (":path", path), *fields
        ]

    def start(self, path: str = "/", *fields: tuple[str, str], method: str = "GET", end: bool = True) -> int:
        """Sends a request head; returns the stream's id."""
        return self.start_raw(self.head(path, method, *fields), end=end)

    def start_raw(self, head: Fields, *, end: bool = True) -> int:
        identifier = self.h2.get_next_available_stream_id()
        self.h2.send_headers(identifier, head, end_stream=end)
        self.streams[identifier] = Stream()
        self.flush()
        return identifier

    def send(self, identifier: int, data: bytes, *, end: bool = False) -> None:
        """Sends data as the windows allow."""
        while data:
            self.wait(lambda: self.h2.local_flow_control_window(identifier) > 0, "a window")
            size = min(len(data), self.h2.local_flow_control_window(identifier), self.h2.max_outbound_frame_size)
            self.h2.send_data(identifier, data[:size], end_stream=end and size == len(data))
            self.flush()
            data = data[size:]

    def finish(self, identifier: int) -> Stream:
        """Waits until the stream is over; returns it."""
        self.wait(lambda: self.streams[identifier].over, f"the end of stream {identifier}")
        return self.streams[identifier]

    def get(self, path: str = "/", *fields: tuple[str, str], method: str = "GET") -> Stream:
        return self.finish(self.start(path, *fields, method=method))

    def close(self) -> None:
        self._client.close()


Answer = Callable[[Peer, int, Fields], None]


def h2_serve(answer: Answer, *, at_end: bool = True, **settings: object) -> Callable[[Visit], None]:
    """For `Origin(serve=…)`: calls `answer` with each request, either when it has ended or when its head has arrived."""
    wanted = h2.events.StreamEnded if at_end else h2.events.RequestReceived

    def serve(visit: Visit) -> None:
        peer = Peer(visit.socket, is_client=False, **settings)
        visit.peer = peer
        while not peer.closed:
            for event in peer.receive():
                if isinstance(event, wanted):
                    answer(peer, event.stream_id, peer.streams[event.stream_id].heads[0])
                    peer.flush()

    return serve


def hello(peer: Peer, identifier: int, head: Fields) -> None:
    reply(peer, identifier)


def reply(peer: Peer, identifier: int, body: bytes = b"hello", *fields: tuple[str, str], status: int = 200) -> None:
    """Sends a whole response."""
    head = [(":status", str(status)), ("content-length", str(len(body))), *fields]
    peer.h2.send_headers(identifier, head, end_stream=not body)
    if body:
        peer.h2.send_data(identifier, body, end_stream=True)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame as it is on the wire (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def goaway_of(sock: socket.socket, sending: Iterable[bytes] = ()) -> int | None:
    """Sends until a GOAWAY arrives, and reads to the end of the connection; returns the GOAWAY's code."""
    data, code, rest = b"", None, iter(sending)
    while True:
        if code is None and (piece := b"".join(itertools.islice(rest, 500))):
            try:
                sock.sendall(piece)
            except OSError:
                rest = iter(())
            if not (sock.pending() or select.select([sock], [], [], 0)[0]):
                continue
        if not (part := received(sock)):
            return code
        data += part
        while len(data) >= 9 and len(data) >= 9 + (length := int.from_bytes(data[:3], "big")):
            if data[3] == 7:
                code = int.from_bytes(data[13:17], "big")
            data = data[9 + length :]


def received(sock: socket.socket) -> bytes:
    try:
        return sock.recv(65536)
    except (ConnectionError, ssl.SSLError):
        return b""
