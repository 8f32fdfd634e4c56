"""The stories, in the order in which they are played."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable

from harness.http_text import chunked, response

from . import clients, origins
from .stage import Play, Stage, hello


@dataclass(frozen=True)
class Story:
    """`addon` says what the addon does in an event (a verb), `differs` names the differences between mitmproxy and proxyd."""

    name: str
    client: Callable[[Stage], None]
    origin: Play = hello
    addon: dict[str, str] = field(default_factory=dict)
    mode: str = "regular"
    options: str = "default"
    tls: bool = False
    differs: tuple[str, ...] = ()


OPTIONS = {
    "default": {},
    "lazy": {"connection_strategy": "lazy"},
    "login": {"proxyauth": "user:secret"},
}
"""Each needs a separate process of either proxy."""

SMUGGLED = b"POST http://%b/ HTTP/1.1\r\nHost: %b\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
TWO_LENGTHS = b"POST http://%b/ HTTP/1.1\r\nHost: %b\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nwords!"
SPACE_BEFORE_COLON = b"GET http://%b/ HTTP/1.1\r\nHost: %b\r\nX-Space : 1\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

JSON_LINES = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"{}\n", b"[]\n")
)

S = Story
STORIES = [
    # Plain requests
    S("a GET", clients.gets),
    S("two requests on one connection", clients.gets_twice),
    S("two requests at once", clients.pipelines),
    S("a POST with a length", clients.posts),
    S("a POST in chunks", clients.posts_chunked),
    S("a HEAD", clients.heads, origins.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")),
    S("a response in chunks", clients.gets, origins.answers(CHUNKED + chunked(b"hello"))),
    S("a response until the end of the connection", clients.gets_twice, origins.answers_once(CLOSING),
      differs=("a response without a length keeps the connection",)),
    S("Expect: 100-continue", clients.expects_continue),
    S("the request streamed", clients.posts, addon={"requestheaders": "stream"}),
    S("the response streamed", clients.gets, addon={"responseheaders": "stream"}),
    S("the response rewritten", clients.gets, addon={"response": "rewrite"}),
    S("a response that streams by its type", clients.gets, origins.answers(JSON_LINES),
      differs=("types that stream are not held",)),
    S("an addon that fails", clients.gets, addon={"request": "fail"}),
    # Answers from the addon
    S("response set in requestheaders", clients.posts, addon={"requestheaders": "respond"}),
    S("response set in request", clients.posts, addon={"request": "respond"}),
    S("response set in error", clients.gets_from_nobody, addon={"error": "respond"},
      differs=("response set in error",)),
    # Kill at each event
    S("clientconnect refused", clients.sees_end, addon={"clientconnect": "refuse"}),
    S("kill in requestheaders", clients.sees_end, addon={"requestheaders": "kill"}),
    S("kill in request", clients.sees_end, addon={"request": "kill"}),
    S("serverconnect refused", clients.gets_until_closed, addon={"serverconnect": "refuse"}),
    S("kill in responseheaders", clients.sees_end, addon={"responseheaders": "kill"},
      differs=("the server connection closes before error",)),
    S("kill in response", clients.sees_end, addon={"response": "kill"}),
    S("kill in error", clients.sees_end, origins.answers_once(b""), addon={"error": "kill"}),
    S("kill in http_connect", clients.connects, addon={"http_connect": "kill"},
      differs=("a killed CONNECT has its error",)),
    S("kill in tcp_start", clients.connects_and_talks, origins.echoes, addon={"tcp_start": "kill"},
      differs=("kill ends a TCP flow",)),
    S("kill in tcp_message", clients.connects_and_talks, origins.echoes, addon={"tcp_message": "kill"},
      differs=("kill ends a TCP flow",)),
    S("kill in websocket_start", clients.sends_websocket, origins.talks_websocket, addon={"websocket_start": "kill"},
      differs=("websocket_handshake", "kill ends a WebSocket flow")),
    S("kill in websocket_message", clients.sends_websocket, origins.talks_websocket, addon={"websocket_message": "kill"},
      differs=("websocket_handshake", "kill ends a WebSocket flow")),
    # The client disconnects
    S("the client goes before a byte", clients.leaves_at_once),
    S("the client goes in the head", clients.leaves_in_head),
    S("the client goes in the body", clients.leaves_in_body),
    S("the client goes while the addon holds request", clients.leaves_in_event("request"), addon={"request": "wait"},
      differs=("a client that left may be noticed later",)),
    S("the client breaks off while the addon holds request", clients.breaks_off_in_event("request"),
      addon={"request": "wait"}),
    S("the client goes while the server thinks", clients.leaves_while_server_thinks, origins.waits_after(b"")),
    S("the client goes in the response", clients.leaves_in_response, origins.waits_after(origins.HALF)),
    S("the client goes while the addon holds response", clients.leaves_in_event("response"), addon={"response": "wait"}),
    S("the client closes its sending side", clients.half_closes, origins.answers_when_told,
      differs=("a client may close its sending side",)),
    S("the client goes in an empty tunnel", clients.leaves_in_tunnel, origins.echoes),
    # The server fails
    S("the server is not there", clients.gets_from_nobody),
    S("the server answers garbage", clients.gets_until_closed, origins.answers_once(b"what?\r\n\r\n"),
      differs=("the server connection closes before error",)),
    S("the server leaves without an answer", clients.gets_until_closed, origins.answers_once(b"")),
    S("the server leaves in the response", clients.gets_until_closed, origins.answers_once(origins.HALF)),
    S("the server sends a bad chunk", clients.gets_until_closed, origins.answers_once(CHUNKED + b"x\r\n")),
    S("the server leaves in a streamed response", clients.sees_end, origins.answers_once(origins.HALF),
      addon={"responseheaders": "stream"}),
    # Request smuggling, and bytes that are not HTTP
    S("Content-Length and Transfer-Encoding", clients.sends(SMUGGLED)),
    S("two different Content-Lengths", clients.sends(TWO_LENGTHS)),
    S("a space before the colon", clients.sends(SPACE_BEFORE_COLON)),
    S("no HTTP at all", clients.sends(b"\x00\x01what?\r\n\r\n")),
    # CONNECT and its outcomes
    S("CONNECT, then TLS", clients.connects_and_gets_over_tls, tls=True),
    S("CONNECT, then plain HTTP", clients.connects_and_gets),
    S("CONNECT, then bytes", clients.connects_and_talks, origins.echoes),
    S("CONNECT, then a server that speaks first", clients.connects_and_listens, origins.greets),
    S("CONNECT, then the server leaves", clients.connects_and_hears_bye, origins.says_bye),
    S("CONNECT to a server that is not there", clients.connects_to_nobody,
      differs=("a failed CONNECT has its error",)),
    S("CONNECT answered by the addon", clients.connects, addon={"http_connect": "respond"}),
    S("CONNECT with serverconnect refused", clients.connects, addon={"serverconnect": "refuse"},
      differs=("a failed CONNECT has its error",)),
    S("CONNECT, then TLS that the client distrusts", clients.connects_and_distrusts, tls=True),
    S("CONNECT, then TLS that the addon ignores", clients.connects_past_the_proxy,
      addon={"tls_clienthello": "ignore"}, tls=True),
    S("CONNECT, then TLS to a server that has none", clients.connects_and_gets_over_tls, origins.knows_no_tls),
    S("CONNECT, lazily, then TLS", clients.connects_and_gets_over_tls, options="lazy", tls=True),
    S("CONNECT, lazily, to a server that is not there", clients.connects_to_nobody_and_gets, options="lazy"),
    # Upgrades
    S("WebSocket closed by the client", clients.talks_websocket, origins.talks_websocket,
      differs=("websocket_handshake",)),
    S("WebSocket that the client leaves", clients.leaves_websocket, origins.talks_websocket,
      differs=("websocket_handshake", "websocket_error when the client leaves")),
    S("WebSocket that the server leaves", clients.is_left_by_websocket, origins.talks_websocket,
      differs=("websocket_handshake", "websocket_error when the server leaves")),
    S("WebSocket with a message changed", clients.talks_websocket, origins.talks_websocket,
      addon={"websocket_message": "shout"}, differs=("websocket_handshake",)),
    S("WebSocket with a message dropped", clients.drops_websocket, origins.talks_websocket,
      addon={"websocket_message": "drop"}, differs=("websocket_handshake",)),
    S("WebSocket with a message emptied", clients.talks_websocket, origins.talks_websocket,
      addon={"websocket_message": "empty"}, differs=("websocket_handshake",)),
    S("WebSocket refused by the server", clients.asks_for_upgrade, origins.answers(response(status=b"403 Forbidden")),
      differs=("websocket_handshake",)),
    S("an upgrade to something else", clients.upgrades_to_echo, origins.upgrades_to_echo),
    # Other modes
    S("reverse:tcp", clients.talks, origins.echoes, mode="tcp"),
    S("reverse:tcp with a message changed", clients.talks, origins.echoes, mode="tcp", addon={"tcp_message": "shout"}),
    S("reverse:tcp with a message dropped", clients.talks_in_vain, origins.echoes, mode="tcp",
      addon={"tcp_message": "drop"}),
    S("reverse:tcp with a half-closed client", clients.talks_half, origins.echoes, mode="tcp"),
    S("reverse:tcp with a server that speaks first", clients.listens, origins.greets, mode="tcp"),
    S("reverse:tcp with a server that is not there", clients.sees_end_at_once, mode="tcp nobody"),
    S("reverse:http", clients.gets, mode="reverse",
      differs=("reverse mode connects for a request",)),
    S("socks5", clients.gets_by_socks, mode="socks5"),
    S("socks5, then bytes", clients.talks_by_socks, origins.echoes, mode="socks5"),
    S("socks5 to a server that is not there", clients.asks_socks_for_nobody, mode="socks5",
      differs=("SOCKS says why",)),
    S("socks5 with an addon for logins", clients.logs_in_to_socks, mode="socks5", addon={"socks5_auth": "accept"},
      differs=("an addon on socks5_auth asks for logins",)),
    S("socks5 with a login", clients.logs_in_to_socks, mode="socks5", options="login"),
    S("socks5 with a wrong login", clients.fails_to_log_in_to_socks, mode="socks5", options="login"),
    S("socks5 without a login", clients.asks_socks_without_login, mode="socks5", options="login",
      differs=("nothing after a refused method",)),
    S("a GET without a login", clients.gets, options="login"),
    S("upstream", clients.gets, origins.tunnels(b"200 OK"), mode="upstream"),
    S("upstream, CONNECT", clients.connects_and_gets, origins.tunnels(b"200 OK"), mode="upstream",
      differs=("an upstream proxy is asked at CONNECT", "the outcome of proxyd's own CONNECT")),
    S("upstream, CONNECT refused there", clients.connects_and_gets, origins.tunnels(b"403 Forbidden"), mode="upstream",
      differs=("a CONNECT refused by the upstream proxy is refused",)),
]
