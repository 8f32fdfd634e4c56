"""A gRPC server and its clients, with grpcio and messages that are bytes."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator

import grpc

from .waiting import TIMEOUT

SERVICE = "story.Echo"
MESSAGES = (b"one", b"two", b"three")


class GRPCServer:
    """Echoes messages, and puts each one that arrives into `arrived`; `x-sum` is a trailer of `Unary`.

    A download sends what is put into `next`, up to a None. Given a leaf's files, it speaks TLS.
    """

    def __init__(self, leaf: Path | None = None) -> None:
        self.arrived: queue.Queue[bytes] = queue.Queue()
        self.next: queue.Queue[bytes | None] = queue.Queue()
        self.server = grpc.server(ThreadPoolExecutor(8))
        handlers = {
            "Unary": grpc.unary_unary_rpc_method_handler(self._unary),
            "Upload": grpc.stream_unary_rpc_method_handler(self._upload),
            "Download": grpc.unary_stream_rpc_method_handler(self._download),
            "Both": grpc.stream_stream_rpc_method_handler(self._both),
            "Fail": grpc.unary_unary_rpc_method_handler(self._fail),
        }
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        if leaf is None:
            self.port = self.server.add_insecure_port("127.0.0.1:0")
        else:
            pair = (Path(f"{leaf}.key").read_bytes(), Path(f"{leaf}.crt").read_bytes())
            self.port = self.server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        self.server.start()

    def _note(self, message: bytes) -> bytes:
        self.arrived.put(message)
        return message

    def _unary(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata([("x-sum", str(len(message)))])
        return self._note(message)

    def _upload(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        return b",".join(map(self._note, messages))

    def _download(self, message: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        return iter(lambda: self.next.get(timeout=TIMEOUT), None)

    def _both(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        return map(self._note, messages)

    @staticmethod
    def _fail(message: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.NOT_FOUND, "there is none")

    def close(self) -> None:
        self.server.stop(None).wait(TIMEOUT)


class GRPCClient:
    """A channel through the tunnel of an HTTP `proxy` if there is one, and with TLS if there is a `ca`.

    In a call of several messages, each one is sent only after the previous one has arrived.
    """

    def __init__(self, address: str, proxy: str | None = None, ca: Path | None = None):
        options = [("grpc.http_proxy", proxy)] if proxy else [("grpc.enable_http_proxy", 0)]
        # Each channel has a connection of its own.
        options.append(("grpc.use_local_subchannel_pool", 1))
        if ca is None:
            self.channel = grpc.insecure_channel(address, options)
        else:
            credentials = grpc.ssl_channel_credentials(ca.read_bytes())
            self.channel = grpc.secure_channel(address, credentials, [*options, ("grpc.ssl_target_name_override", "localhost")])

    def once(self, message: bytes, method: str = "Unary") -> tuple[bytes, dict[str, str]]:
        """Makes one call; returns the answer and the trailers."""
        answer, call = self.channel.unary_unary(f"/{SERVICE}/{method}").with_call(message, timeout=TIMEOUT)
        return answer, dict(call.trailing_metadata())

    def unary(self, server: GRPCServer) -> None:
        assert self.once(b"one") == (b"one", {"x-sum": "3"})

    def upload(self, server: GRPCServer) -> None:
        messages: queue.Queue[bytes | None] = queue.Queue()
        answer = self.channel.stream_unary(f"/{SERVICE}/Upload").future(iter(messages.get, None), timeout=TIMEOUT)
        for message in MESSAGES:
            messages.put(message)
            assert server.arrived.get(timeout=TIMEOUT) == message
        messages.put(None)
        assert answer.result() == b",".join(MESSAGES)

    def download(self, server: GRPCServer) -> None:
        answers = self.channel.unary_stream(f"/{SERVICE}/Download")(b"go", timeout=TIMEOUT)
        for message in MESSAGES:
            server.next.put(message)
            assert next(answers) == message
        server.next.put(None)
        assert list(answers) == []

    def both(self, server: GRPCServer) -> None:
        messages: queue.Queue[bytes | None] = queue.Queue()
        answers = self.channel.stream_stream(f"/{SERVICE}/Both")(iter(messages.get, None), timeout=TIMEOUT)
        for message in MESSAGES:
            messages.put(message)
            assert next(answers) == message
        messages.put(None)
        assert list(answers) == []

    def close(self) -> None:
        self.channel.close()
