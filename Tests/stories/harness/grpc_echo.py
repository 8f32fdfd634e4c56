"""A gRPC server and client of grpcio, for the four types of call, which tell each message as it comes."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor

import grpc

from .waiting import TIMEOUT

SERVICE = "story.Echo"


class GRPCServer:
    """Echoes messages of bytes, and puts each that arrives into `arrived`; TLS with a leaf's files if there is one."""

    def __init__(self, leaf=None):
        self.arrived: queue.Queue[bytes] = queue.Queue()
        self.server = grpc.server(ThreadPoolExecutor(8))
        handlers = {
            "Unary": grpc.unary_unary_rpc_method_handler(self._note),
            "Upload": grpc.stream_unary_rpc_method_handler(self._upload),
            "Download": grpc.unary_stream_rpc_method_handler(self._download),
            "Both": grpc.stream_stream_rpc_method_handler(self._both),
        }
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        self.next: queue.Queue[bytes | None] = queue.Queue()
        """What a download sends next; None ends it."""
        address = "127.0.0.1:0"
        if leaf is None:
            self.port = self.server.add_insecure_port(address)
        else:
            with open(f"{leaf}.key", "rb") as key, open(f"{leaf}.crt", "rb") as certificate:
                credentials = grpc.ssl_server_credentials([(key.read(), certificate.read())])
            self.port = self.server.add_secure_port(address, credentials)
        self.server.start()

    def _note(self, message: bytes, context) -> bytes:
        self.arrived.put(message)
        return message

    def _upload(self, messages, context) -> bytes:
        return b",".join(self._note(message, context) for message in messages)

    def _download(self, message: bytes, context):
        self._note(message, context)
        while (answer := self.next.get(timeout=TIMEOUT)) is not None:
            yield answer

    def _both(self, messages, context):
        for message in messages:
            yield self._note(message, context)

    def close(self) -> None:
        self.server.stop(None).wait()


class GRPCClient:
    """Calls in which each message is sent only when the one before has arrived."""

    def __init__(self, channel: grpc.Channel, server: GRPCServer):
        self.channel = channel
        self.server = server

    def unary(self) -> None:
        call = self.channel.unary_unary(f"/{SERVICE}/Unary")
        assert call(b"one", timeout=TIMEOUT) == b"one"

    def upload(self) -> None:
        messages: queue.Queue[bytes | None] = queue.Queue()
        answer = self.channel.stream_unary(f"/{SERVICE}/Upload").future(iter(messages.get, None), timeout=TIMEOUT)
        for message in (b"one", b"two", b"three"):
            messages.put(message)
            assert self.server.arrived.get(timeout=TIMEOUT) == message
        messages.put(None)
        assert answer.result() == b"one,two,three"

    def download(self) -> None:
        answers = self.channel.unary_stream(f"/{SERVICE}/Download")(b"go", timeout=TIMEOUT)
        for message in (b"one", b"two", b"three"):
            self.server.next.put(message)
            assert next(answers) == message
        self.server.next.put(None)
        assert list(answers) == []

    def both(self) -> None:
        messages: queue.Queue[bytes | None] = queue.Queue()
        answers = self.channel.stream_stream(f"/{SERVICE}/Both")(iter(messages.get, None), timeout=TIMEOUT)
        for message in (b"one", b"two", b"three"):
            messages.put(message)
            assert next(answers) == message
        messages.put(None)
        assert list(answers) == []
