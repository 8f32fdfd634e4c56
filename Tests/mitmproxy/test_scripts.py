"""What scripts may do besides flows: options, commands, logging, reloading, other events."""

from __future__ import annotations

import ssl
import time

import pytest
from harness.pki import PKI
from harness.origin import Origin
from harness.raw_addon import RPCError
from harness.waiting import wait_until
from side.programs import new_daemon
from side.stage import answer

OPTIONS = """
from collections.abc import Sequence
from typing import Optional
from mitmproxy import ctx, exceptions
def load(loader):
    loader.add_option("my_text", str, "first", "A text.")
    loader.add_option("my_number", Optional[int], None, "A number.")
    loader.add_option("my_list", Sequence[str], [], "A list.")
    loader.add_option("myCase", bool, False, "Known here only.")
def configure(updated):
    if "my_number" in updated and (ctx.options.my_number or 0) > 100:
        raise exceptions.OptionsError("at most 100")
def request(flow):
    flow.request.headers["x-options"] = f"{ctx.options.my_text} {ctx.options.my_number} {ctx.options.my_list} {ctx.options.myCase}"
    if "set" in flow.request.path:
        ctx.options.my_text = "by the script"
"""


def test_options_of_scripts_are_options_of_the_daemon(stage):
    side = stage(OPTIONS, "--set", "my_list=a", "--set", "my_list=b", "--set", "myCase=true")
    assert side.call("options.get", names=["my_text", "my_list"])["options"] == {"my_text": "first", "my_list": ["a", "b"]}
    side.call("options.set", options={"my_text": "second", "my_number": 7})
    side.get("/set")
    assert side.requests[0].get(b"x-options") == b"second 7 ['a', 'b'] True"
    assert side.call("options.get", names=["my_text"])["options"] == {"my_text": "by the script"}
    with pytest.raises(RPCError, match="at most 100"):
        side.call("options.set", options={"my_number": 101})
    assert side.call("options.get", names=["my_number"])["options"] == {"my_number": 7}


COUNTED = """
from mitmproxy import ctx
def load(loader):
    loader.add_option("counted", KIND, "")
def configure(updated):
    print("counted is", ctx.options.counted)
def request(flow):
    flow.request.headers["x-counted"] = str(ctx.options.counted)
"""


def test_what_the_flags_have_set_goes_with_the_process(stage):
    script = COUNTED.replace("KIND", "int, 1")
    side = stage(script, "--set", "counted=2")
    row = next(each for each in side.call("options.list")["options"] if each["name"] == "counted")
    assert (row["default"], row["value"]) == (1, 2)
    side.close()
    assert set(side.printed) == {"counted is 2"}
    side = stage(script)
    side.get("/echo")
    assert side.requests[-1].get(b"x-counted") == b"1"
    side.call("options.set", options={"counted": 3})
    side.close()
    side = stage(script)
    assert side.call("options.get", names=["counted"])["options"] == {"counted": 3}


def test_options_that_the_daemon_refuses_are_known_to_the_process_only(stage):
    daemon = new_daemon("--addon", "sleeping=exec sleep 1000", addon_start_timeout=1, counted="many")
    try:
        side = stage(COUNTED.replace("KIND", "bool, False"), "--set", "counted=true", daemon=daemon)
        side.wait_printed("only this process knows them")
        side.get("/echo")
        assert side.requests[-1].get(b"x-counted") == b"True"
        side.close()
    finally:
        daemon.stop()


def test_options_that_bundled_addons_see_to_are_not_those_of_the_daemon(stage):
    side = stage("", "--modify-headers", "/~q/x-modified/1")
    side.get("/echo")
    assert side.requests[0].get(b"x-modified") == b"1"
    assert side.call("options.get", names=["modify_headers"])["options"] == {"modify_headers": []}


def test_options_of_the_daemon_are_options_of_scripts(stage):
    script = """
from mitmproxy import ctx
def request(flow):
    if "set" in flow.request.path:
        ctx.options.update(connection_strategy="lazy", stream_large_bodies="3m")
    flow.request.headers["x-strategy"] = f"{ctx.options.connection_strategy} {ctx.options.stream_large_bodies}"
"""
    daemon = new_daemon()
    try:
        side = stage(script, daemon=daemon)
        side.get()
        side.get("/set")
        assert [each.get(b"x-strategy") for each in side.requests] == [b"eager None", b"lazy 3145728"]
        assert side.call("options.get", names=["connection_strategy"])["options"] == {"connection_strategy": "lazy"}
        side.call("options.set", options={"connection_strategy": "eager", "stream_large_bodies": None})
        side.get()
        assert side.requests[2].get(b"x-strategy") == b"eager None"
        side.close()
    finally:
        daemon.stop()


COMMANDS = """
from collections.abc import Sequence
from mitmproxy import command, ctx, flow, types
class Commands:
    @command.command("my.join")
    def join(self, words: Sequence[str], times: int = 1) -> str:
        "Joins words."
        return " ".join(words) * times
    @command.command("my.paths")
    def paths(self, flows: Sequence[flow.Flow]) -> Sequence[str]:
        return [each.request.path for each in flows]
    @command.command("my.mark")
    def mark(self, flows: Sequence[flow.Flow]) -> None:
        for each in flows:
            each.marked = ":star:"
    def request(self, flow):
        if "other" in flow.request.path:
            flow.request.headers["x-other"] = str(ctx.master.commands.call("other.add", 1, 2))
addons = [Commands()]
"""


def test_commands_are_called_by_others_with_their_types(stage, theatre):
    side = stage(COMMANDS)
    for path in ("/echo?a1", "/echo?a2"):
        side.get(path)
    declared = {each["name"]: each for each in side.call("command.list")["commands"]}["my.join"]
    assert (declared["help"], declared["params"][0]) == ("Joins words.", {"name": "words", "type": "str[]"})
    call = lambda name, **args: side.call("command.call", name=name, args=args)  # noqa: E731
    assert call("my.join", words=["a", "b"], times=2) == "a ba b"
    assert call("my.paths", flows="~u echo.a[12]$") == ["/echo?a1", "/echo?a2"]
    with pytest.raises(RPCError, match="my.join has no nonsense"):
        call("my.join", words="a", nonsense=1)
    with pytest.raises(RPCError, match="needs words"):
        call("my.join")


def test_commands_of_other_addons_are_called_while_an_event_waits(stage):
    from harness.raw_addon import RawAddon

    side = stage(COMMANDS)
    add = [{"name": "other.add", "params": [{"name": "a", "type": "int"}, {"name": "b", "type": "int"}]}]
    replies = {"command": lambda event: event.params["args"]["a"] + event.params["args"]["b"]}
    other = RawAddon(side.proxy.daemon.addon_socket, [], name="other", commands=add, replies=replies, record=False)
    side.get("/other")
    other.close()
    assert side.requests[0].get(b"x-other") == b"3"


def test_changed_flows_of_a_command_are_told(stage):
    side = stage(COMMANDS)
    side.get("/echo?tomark")
    side.call("command.call", name="my.mark", args={"flows": "~u tomark"})
    row = wait_until(lambda: side.call("flow.list", filter="~u tomark & ~marked")["flows"], "the mark")
    assert row[0]["marked"] == ":star:"


def test_a_script_that_is_saved_is_loaded_again(stage):
    side = stage("def request(flow): flow.request.headers['x-version'] = '1'\ndef done(): print('was done')")
    side.get()
    time.sleep(1.1)  # The time of a file's change has to differ by what its file system tells apart.
    (side.folder / "script.py").write_text("def response(flow): flow.response.headers['x-version'] = '2'")
    side.wait_printed("was done")

    def has_changed():
        side.get()
        return "x-version: 2" in side.seen[-1]

    wait_until(has_changed, "the new script")
    assert side.requests[-1].get(b"x-version") is None


def test_a_script_that_is_broken_when_saved_says_so_and_comes_back(stage):
    side = stage("def request(flow): flow.request.headers['x-version'] = '1'")
    time.sleep(1.1)
    (side.folder / "script.py").write_text("def request(flow: nonsense")
    side.wait_printed("error in script")
    side.get()
    assert "200 OK" in side.seen[-1]
    time.sleep(1.1)
    (side.folder / "script.py").write_text("def request(flow): flow.request.headers['x-version'] = '3'")

    def has_changed():
        side.get()
        return side.requests[-1].get(b"x-version") == b"3"

    wait_until(has_changed, "the mended script")


def test_events_of_connections_and_tls(stage, tmp_path):
    server = Origin(answer, tls=PKI(tmp_path).context())
    side = stage(
        """
def client_connected(client): print("client", client.connected, client.proxy_mode.full_spec)
def client_disconnected(client): print("client gone", client.connected)
def server_connect(data): print("to", data.server.address[0], data.client.peername[0])
def server_connected(data): print("connected", data.server.connected, data.server.timestamp_tcp_setup is not None)
def server_disconnected(data): print("server gone", data.server.connected)
def http_connect(flow): print("tunnel", flow.request.method, flow.request.host, flow.request.path)
def tls_clienthello(data): print("hello", data.client_hello.sni, data.context.server.address[0])
def tls_established_client(data): print("tls", data.conn.sni, data.context.server.address[0], data.conn.mitmcert.cn)
def tls_established_server(data): print("tls server", data.conn.tls_established, data.conn.certificate_list[0].cn)
def response(flow): print(flow.request.url.startswith("https://localhost"), flow.client_conn.tls_established)
"""
    )
    side.get_tls("/echo", server.port)
    side.wait_printed("server gone False")
    side.wait_printed("client gone False")
    server.close()
    print(side.printed)
    assert [line for line in side.printed if "gone" not in line] == [
        "client True regular",
        "tunnel CONNECT localhost",
        "to localhost 127.0.0.1",
        "connected True True",
        "hello localhost localhost",
        "tls server True leaf",
        "tls localhost localhost leaf",
        "True True",
    ]


def test_connections_are_refused_and_led_elsewhere(stage):
    side = stage(
        """
def server_connect(data):
    if data.server.address[0] == "nowhere.test":
        data.server.address = ("127.0.0.1", data.server.address[1])
    elif data.server.address[0] == "never.test":
        data.server.error = "never"
refuse = False
def client_connected(client):
    if refuse:
        client.error = "not today"
def response(flow):
    global refuse
    refuse = "last" in flow.request.path
def error(flow):
    print("error:", flow.error)
"""
    )
    side.get(url=f"http://nowhere.test:{side.origin.port}/echo")
    side.get(url="http://never.test/")
    side.get("/echo?last")
    side.get("/echo?more")
    assert [each.split(" | ")[0] for each in side.seen] == ["HTTP/1.1 200 OK", "HTTP/1.1 502 Bad Gateway", "HTTP/1.1 200 OK", "closed"]
    assert any("never" in line for line in side.printed)


def test_connections_go_by_a_proxy_and_from_an_address(stage, theatre):
    side = stage(
        """
def server_connect(data):
    if data.server.address[0] == "elsewhere.test":
        data.server.via = ("http", ("127.0.0.1", PORT))
    data.server.sockname = ("127.0.0.7", 0)
def server_connected(data):
    print("from", data.server.sockname[0], data.server.via and data.server.via[0])
def server_connect_error(data):
    print("failed", data.server.error)
""".replace("PORT", str(theatre.origin.port))
    )
    side.get(url="http://elsewhere.test/echo")
    side.get("/echo")
    assert ["200 OK" in each for each in side.seen] == [True, True]
    assert [each.target for each in side.requests] == [b"http://elsewhere.test/echo", b"/echo"]
    side.wait_printed("from 127.0.0.7 http")
    side.wait_printed("from 127.0.0.7 None")


def test_a_script_says_which_ciphers_a_server_is_offered(stage, tmp_path):
    context = PKI(tmp_path).context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = Origin(answer, tls=context)
    side = stage(
        """
def server_connect(data):
    data.server.cipher_list = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"]
def tls_established_server(data):
    print("cipher", data.conn.cipher)
"""
    )
    side.get_tls("/echo", server.port)
    server.close()
    assert side.wait_printed("cipher").endswith("-AES128-GCM-SHA256")


def test_events_of_tls_have_both_sides_before_there_is_a_connection(stage, tmp_path):
    server = Origin(answer, tls=PKI(tmp_path).context())
    daemon = new_daemon(connection_strategy="lazy")
    try:
        side = stage(
            """
def tls_clienthello(data):
    data.context.server.mine = True
    print("hello", data.context.server.address[0], data.context.server.connected)
def tls_established_server(data):
    print("server", data.context.client.peername[0], data.conn is data.context.server, data.conn.mine)
""",
            daemon=daemon,
        )
        side.get_tls("/echo", server.port)
        assert side.wait_printed("hello") == "hello localhost False"
        assert side.wait_printed("server") == "server 127.0.0.1 True True"
        watched = {each["name"]: each["events"] for each in side.call("addon.list")["addons"]}["trial"]
        assert not {"serverconnect", "serverconnected", "http_connect"} & set(watched)
        side.close()
    finally:
        server.close()
        daemon.stop()


def test_tls_is_passed_through_where_a_script_says_so(stage, tmp_path):
    server = Origin(answer, tls=PKI(tmp_path).context())
    side = stage("def tls_clienthello(data): data.ignore_connection = True")
    side.get_tls("/echo", server.port)
    server.close()
    assert side.seen[0] == "passed through"


def test_a_script_chooses_the_layer(stage):
    side = stage(
        """
from mitmproxy.proxy import layers
def next_layer(data):
    if data.data_client().startswith(b"GET"):
        data.layer = layers.TCPLayer(data.context)
def tcp_message(flow):
    flow.messages[-1].content = flow.messages[-1].content.replace(b"/echo", b"/json")
def tcp_end(flow):
    print(len(flow.messages), "messages")
"""
    )
    with side.client() as client:
        client.connect("127.0.0.1", side.origin.port)
        client.send(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
        side.see(client.receive())
    assert '"debug":false' in side.seen[0]
    side.wait_printed("2 messages")


def test_logging_goes_to_the_daemon_with_its_level(stage):
    side = stage("import logging\ndef request(flow): logging.warning('careful %s', flow.request.path)")
    side.get("/echo?log")
    side.proxy.daemon.stderr.wait_for("warn  addon trial: careful /echo?log")


def test_what_the_daemon_refuses_is_told(stage):
    side = stage("def request(flow): flow.request.method = 'no method'\ndef response(flow): pass")
    side.get("/echo")
    assert "200 OK" in side.seen[0]
    side.wait_printed("proxyd refused the change of flow.request.method")


def test_a_wsgi_app_answers(stage):
    side = stage(
        """
from mitmproxy.addons import asgiapp
def app(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    return [environ["PATH_INFO"].encode()]
addons = [asgiapp.WSGIApp(app, "magic.test", 80)]
"""
    )
    side.get(url="http://magic.test/path")
    assert side.seen[0].endswith("b'/path'")
