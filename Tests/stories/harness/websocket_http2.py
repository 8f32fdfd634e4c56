"""WebSockets on HTTP/2 streams (RFC 8441): h2 carries them, wsproto speaks them."""

from __future__ import annotations

from typing import Callable

import h2.events
import h2.settings
import wsproto
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Message, Ping
from wsproto.extensions import PerMessageDeflate

from .http2 import Fields, H2Client, Peer
from .origin import Visit

Respond = Callable[[Peer, int, Fields], "int | None"]


class Socket:
    """The WebSocket on one stream of a peer; `events` are those that have arrived."""

    def __init__(self, peer: Peer, stream: int, side: ConnectionType, deflate: PerMessageDeflate | None):
        self.peer, self.stream, self.deflate = peer, stream, deflate
        self.ws = Connection(side, [deflate] if deflate else [])
        self.events: list[Event] = []
        self.taken = 0

    def send(self, event: Event) -> None:
        data = self.ws.send(event)
        while data:
            self.peer.wait(lambda: self.peer.h2.local_flow_control_window(self.stream) > 0, "a window")
            size = min(self.peer.h2.local_flow_control_window(self.stream), self.peer.h2.max_outbound_frame_size)
            self.peer.h2.send_data(self.stream, data[:size])
            self.peer.flush()
            data = data[size:]

    def end(self) -> None:
        self.peer.h2.end_stream(self.stream)
        self.peer.flush()

    def receive(self) -> None:
        """Processes what has arrived on the stream."""
        body = self.peer.streams[self.stream].body
        data, self.taken = body[self.taken :], len(body)
        if data:
            self.ws.receive_data(data)
            self.events += list(self.ws.events())

    def message(self, number: int) -> str | bytes:
        """The whole message with this number, from 0."""

        def whole() -> list:
            self.receive()
            found, parts = [], []
            for event in self.events:
                if isinstance(event, Message):
                    parts.append(event.data)
                    if event.message_finished:
                        found.append(type(event.data)().join(parts))
                        parts = []
            return found

        self.peer.wait(lambda: len(whole()) > number, f"message {number}")
        return whole()[number]

    def closed(self) -> CloseConnection:
        def found() -> CloseConnection | None:
            self.receive()
            return next((each for each in self.events if isinstance(each, CloseConnection)), None)

        self.peer.wait(found, "a close frame")
        return found()


def open_socket(client: H2Client, *fields: tuple[str, str], compression: bool = False, path: str = "/chat") -> Socket:
    """Opens a WebSocket with an extended CONNECT; fails if that is refused."""
    stream = start_socket(client, *fields, compression=compression, path=path)
    client.wait(lambda: client.streams[stream].heads, "the answer to CONNECT")
    assert client.streams[stream].status == 200, client.streams[stream]
    agreed = client.streams[stream].fields.get("sec-websocket-extensions")
    deflate = PerMessageDeflate() if agreed else None
    if deflate:
        deflate.finalize(agreed)
    return Socket(client, stream, ConnectionType.CLIENT, deflate)


def start_socket(
    client: H2Client, *fields: tuple[str, str], compression: bool = False, path: str = "/chat", end: bool = False
) -> int:
    """Sends an extended CONNECT; returns the stream's id."""
    setting = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL
    client.wait(lambda: client.h2.remote_settings.get(setting) == 1, "ENABLE_CONNECT_PROTOCOL")
    head = [
        (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", client.authority),
        (":path", path), ("sec-websocket-version", "13"), *fields,
    ]
    if compression:
        head.append(("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"))
    return client.start_raw(head, end=end)


def echo_server(
    *,
    allows: bool = True,
    refuses: int | None = None,
    heads: list[Fields] | None = None,
    before: Callable[[Peer, int], None] = lambda peer, stream: None,
) -> Callable[[Visit], None]:
    """For `Origin(serve=…)`: answers requests with `hello`, and extended CONNECTs with an echoing WebSocket.

    `before` is called before a message is sent back.
    """

    def serve(visit: Visit) -> None:
        settings = {h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL: 1} if allows else None
        peer = Peer(visit.socket, is_client=False, settings=settings)
        visit.peer = peer
        sockets: dict[int, Socket] = {}
        while not peer.closed:
            for event in peer.receive():
                if isinstance(event, h2.events.RequestReceived):
                    head = peer.streams[event.stream_id].heads[0]
                    if heads is not None:
                        heads.append(head)
                    answer(peer, event.stream_id, dict(head), sockets)
                elif isinstance(event, h2.events.DataReceived) and event.stream_id in sockets:
                    echo(sockets[event.stream_id])
            peer.flush()

    def answer(peer: Peer, stream: int, head: dict[str, str], sockets: dict[int, Socket]) -> None:
        if head.get(":protocol") != "websocket":
            peer.h2.send_headers(stream, [(":status", "200"), ("content-length", "5")])
            peer.h2.send_data(stream, b"hello", end_stream=True)
        elif refuses:
            peer.h2.send_headers(stream, [(":status", str(refuses)), ("content-length", "2")])
            peer.h2.send_data(stream, b"no", end_stream=True)
        else:
            offer = head.get("sec-websocket-extensions")
            deflate = PerMessageDeflate() if offer else None
            agreed = f"permessage-deflate; {deflate.accept(offer)}" if deflate else ""
            fields = [("sec-websocket-extensions", agreed.rstrip("; "))] if deflate else []
            peer.h2.send_headers(stream, [(":status", "200"), *fields])
            sockets[stream] = Socket(peer, stream, ConnectionType.SERVER, deflate)

    def echo(socket: Socket) -> None:
        seen = len(socket.events)
        socket.receive()
        for event in socket.events[seen:]:
            if isinstance(event, Message):
                before(socket.peer, socket.stream)
                socket.send(Message(event.data, event.frame_finished, event.message_finished))
            elif isinstance(event, Ping):
                socket.send(event.response())
            elif isinstance(event, CloseConnection):
                if socket.ws.state is not wsproto.ConnectionState.CLOSED:
                    socket.send(event.response())
                socket.end()

    return serve


def http1_echo(visit: Visit) -> None:
    """An echoing WebSocket that begins with an upgrade, in wsproto."""
    ws = wsproto.WSConnection(ConnectionType.SERVER)
    while data := visit.socket.recv(65536):
        ws.receive_data(data)
        for event in ws.events():
            match event:
                case wsproto.events.Request():
                    visit.send(ws.send(wsproto.events.AcceptConnection(extensions=[PerMessageDeflate()])))
                case Message():
                    visit.send(ws.send(Message(event.data, event.frame_finished, event.message_finished)))
                case Ping() | CloseConnection():
                    visit.send(ws.send(event.response()))


def by_protocol(http2: Callable[[Visit], None], http1: Callable[[Visit], None]) -> Callable[[Visit], None]:
    """Serves the protocol that was negotiated in TLS."""
    return lambda visit: (http2 if visit.socket.selected_alpn_protocol() == "h2" else http1)(visit)
