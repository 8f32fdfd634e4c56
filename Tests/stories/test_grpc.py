"""gRPC through the proxy: each message arrives before the next is sent, whatever observes it."""

import pytest
from harness.grpc_echo import GRPCClient, GRPCServer
from harness.started import started

EVERYTHING = {"event": "*", "body": "full"}
ADDONS = {
    "no addon": None,
    "enforcing full bodies": [EVERYTHING],
    "observing": [{**EVERYTHING, "mode": "observe"}],
    "auditing": [{**EVERYTHING, "mode": "audit"}],
    "without bodies": [{"event": "*", "body": "none"}],
    "chunks": [{"event": "*", "body": "stream"}],
}


@pytest.fixture
def grpc_server(pki):
    yield from started(lambda: GRPCServer(pki.leaf))


@pytest.fixture
def grpc_client():
    """Starts clients of a proxy in reverse mode, with TLS."""
    yield from started(lambda daemon: GRPCClient(f"127.0.0.1:{daemon.port}", ca=daemon.ca_cert))


@pytest.mark.parametrize("kind", ["unary", "upload", "download", "both"])
@pytest.mark.parametrize("watcher", ADDONS)
def test_each_message_arrives_before_the_next_is_sent(trusting, grpc_server, grpc_client, addon, watcher, kind):
    server = grpc_server()
    daemon = trusting("--mode", f"reverse:https://localhost:{server.port}")
    events = ADDONS[watcher]
    seen = addon(daemon, events) if events else None
    getattr(grpc_client(daemon), kind)(server)
    if seen:
        flow = seen.wait_for("response").flow
        decides_by_head = watcher == "without bodies"
        assert decides_by_head or ["grpc-status", "0"] in flow["response"]["trailers"]
        events = [name for name in seen.traffic if name in ("requestheaders", "request", "responseheaders", "response")]
        assert events == ["requestheaders", "request", "responseheaders", "response"]


def test_an_observer_is_shown_what_was_kept_of_a_call(trusting, grpc_server, grpc_client, addon):
    server = grpc_server()
    daemon = trusting("--mode", f"reverse:https://localhost:{server.port}")
    seen = addon(daemon, [{"event": "response", "mode": "observe"}])
    grpc_client(daemon).both(server)
    flow = seen.wait_for("response").flow
    assert flow["response"]["content_complete"] is True and "three" in flow["response"]["content"]
    assert flow["response"]["stream"] is True and flow["request"]["stream"] is True
