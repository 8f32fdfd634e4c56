"""An addon for mitmproxy that reports every event over a Unix socket, and does in it what the story wants.

It runs in mitmproxy's own Python. Each side writes lines of JSON:
  to the story    {"ports": {mode: port}} once, {"event": name, "facts": {…}}, {"done": …} after each of the below
  from the story  {"actions": {event: verb}}, {"release": event}, {"ping": true}
"""

import asyncio
import json
import os

from mitmproxy import ctx, http


def text(content):
    return None if content is None else content.decode("latin-1")


def http_facts(flow):
    request, response = flow.request, flow.response
    return {
        "method": request.method,
        "to": request.port,
        "sent": text(request.raw_content),
        "status": response and response.status_code,
        "body": response and text(response.raw_content),
        "error": flow.error and flow.error.msg,
    }


def message_facts(flow):
    messages = flow.websocket.messages if isinstance(flow, http.HTTPFlow) else flow.messages
    facts = {"error": flow.error and flow.error.msg}
    if messages:
        facts |= {"from_client": messages[-1].from_client, "content": text(messages[-1].content)}
    if isinstance(flow, http.HTTPFlow):
        facts["close_code"] = flow.websocket.close_code
    return facts


def kill(subject):
    subject.kill()


def respond(flow):
    flow.response = http.Response.make(418, b"short")


def refuse(subject):
    getattr(subject, "server", subject).error = "refused by the addon"


def fail(subject):
    raise ValueError("an addon that fails")


def stream(flow):
    (flow.response or flow.request).stream = True


def newest(flow):
    return (flow.websocket.messages if isinstance(flow, http.HTTPFlow) else flow.messages)[-1]


def shout(flow):
    newest(flow).content = newest(flow).content.upper()


def drop(flow):
    message = newest(flow)
    message.drop() if isinstance(flow, http.HTTPFlow) else setattr(message, "content", b"")


def empty(flow):
    newest(flow).content = b""


def rewrite(flow):
    flow.response.status_code = 201
    flow.response.content = b"rewritten"


def ignore(hello):
    hello.ignore_connection = True


def accept(login):
    login.valid = True


VERBS = {verb.__name__: verb for verb in (kill, respond, refuse, fail, stream, shout, drop, empty, rewrite, ignore, accept)}

HTTP = ("http_connect", "http_connect_upstream", "http_connected", "http_connect_error")
HTTP += ("requestheaders", "request", "responseheaders", "response", "error")
MESSAGES = ("websocket_start", "websocket_message", "websocket_end", "tcp_start", "tcp_message", "tcp_error", "tcp_end")
CLIENT = ("client_connected", "client_disconnected")
SERVER = ("server_connect", "server_connected", "server_connect_error", "server_disconnected")
TLS = ("tls_start_client", "tls_start_server", "tls_established_client", "tls_established_server")
TLS += ("tls_failed_client", "tls_failed_server")


class Recorder:
    def __init__(self):
        self.actions = {}
        self.released = {}
        for names, facts in (
            (HTTP, http_facts),
            (MESSAGES, message_facts),
            (CLIENT, lambda client: {}),
            (SERVER, lambda data: {"to": data.server.address[1]}),
            (TLS, lambda data: {}),
            (("next_layer",), lambda data: {}),
            (("tls_clienthello",), lambda data: {"sni": data.client_hello.sni}),
            (("socks5_auth",), lambda data: {"username": data.username}),
        ):
            for name in names:
                setattr(self, name, self.handler(name, facts))

    def handler(self, name, facts):
        async def handle(subject):
            self.send({"event": name, "facts": facts(subject)})
            verb = self.actions.get(name)
            if verb == "wait":
                await self.released.setdefault(name, asyncio.Event()).wait()
            elif verb:
                VERBS[verb](subject)

        return handle

    async def running(self):
        reader, self.writer = await asyncio.open_unix_connection(os.environ["BESIDE_SOCKET"])
        servers = ctx.master.addons.get("proxyserver").servers
        self.send({"ports": {server.mode.full_spec: server.listen_addrs[0][1] for server in servers}})
        self.reading = asyncio.create_task(self.read(reader))

    async def read(self, reader):
        while line := await reader.readline():
            order = json.loads(line)
            if "actions" in order:
                self.actions, self.released = order["actions"], {}
            if "release" in order:
                self.released.setdefault(order["release"], asyncio.Event()).set()
            self.send({"done": order})

    def send(self, message):
        self.writer.write(json.dumps(message).encode() + b"\n")


addons = [Recorder()]
