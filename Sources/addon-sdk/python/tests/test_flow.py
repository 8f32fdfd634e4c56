import pytest
from fake_daemon import http_flow, http_response
from proxyd_addon import Flow, Response


def patch(change, snapshot=None):
    flow = Flow(snapshot or http_flow())
    change(flow)
    return flow.patch()


def test_an_untouched_flow_has_no_patch():
    def read(flow):
        assert flow.request.headers["host"] == "example.com"
        assert flow.request.content == b"" and flow.response is None
        assert flow.metadata["k"]["a"] == 1
        assert flow.client_conn.peername == ["127.0.0.1", 5]

    assert patch(read) is None


def test_scalars():
    def change(flow):
        flow.request.method = "POST"
        flow.request.host = "example.com"
        flow.request.port = 81

    assert patch(change) == {"request": {"method": "POST", "port": 81}}


def test_a_change_taken_back_is_none():
    def change(flow):
        flow.request.method = "POST"
        flow.request.method = "GET"

    assert patch(change) is None


def test_url_sets_its_parts():
    def change(flow):
        flow.request.url = "https://[::1]:8443/x?y"
        assert flow.request.url == "https://[::1]:8443/x?y"

    assert patch(change) == {"request": {"scheme": "https", "host": "::1", "port": 8443, "path": "/x?y"}}


def test_a_bad_url_is_refused():
    with pytest.raises(ValueError, match="url must be http"):
        Flow(http_flow()).request.url = "ftp://x"


def test_query_goes_into_the_path():
    def change(flow):
        assert flow.request.query["b"] == "1"
        flow.request.query["b"] = "ä "
        flow.request.query.add("d", "")

    assert patch(change) == {"request": {"path": "/a?b=%C3%A4+&c=2&d="}}


def test_query_can_be_replaced():
    def change(flow):
        flow.request.query = {}

    assert patch(change) == {"request": {"path": "/a"}}


def test_bodies():
    def change(flow):
        assert flow.response.json() == {"a": 1}
        flow.response.content = b"\xff"
        flow.request.text = "ä"

    assert patch(change, http_response()) == {
        "request": {"content": "ä"},
        "response": {"content": {"base64": "/w=="}},
    }


def test_text_follows_the_charset():
    snapshot = http_response(
        headers=[["Content-Type", "text/plain; charset=latin-1"]], content={"base64": "6Q=="}
    )

    def change(flow):
        assert flow.response.text == "é"
        flow.response.text = "éé"

    assert patch(change, snapshot) == {"response": {"content": {"base64": "6ek="}}}


def test_an_unknown_charset_is_utf8():
    snapshot = http_response(headers=[["Content-Type", "text/plain; charset=nonsense"]], content="é")
    assert Flow(snapshot).response.text == "é"


def test_a_body_that_is_not_there():
    flow = Flow(http_flow(content=None))
    assert flow.request.content is None and flow.request.text is None
    with pytest.raises(ValueError, match="no body"):
        flow.request.json()


def test_a_body_in_a_file(tmp_path):
    (tmp_path / "body").write_bytes(b"big")
    flow = Flow(http_flow(content={"file": str(tmp_path / "body"), "size": 3}))
    assert flow.request.content == b"big"


def test_content_is_bytes():
    with pytest.raises(TypeError, match="content is bytes"):
        Flow(http_flow()).request.content = "text"


def test_fields_outside_utf8():
    flow = Flow(http_flow(path={"base64": "L+k="}))
    assert flow.request.path == "/\udce9"
    flow.request.path += "x"
    assert flow.patch() == {"request": {"path": {"base64": "L+l4"}}}


def test_a_response_is_made():
    def change(flow):
        flow.response = Response.make(404, b"no", {"content-type": "text/plain"})
        flow.response.headers["x"] = "1"

    assert patch(change) == {
        "response": {
            "status_code": 404,
            "reason": "Not Found",
            "headers": [["content-type", "text/plain"], ["x", "1"]],
            "content": "no",
        }
    }


def test_a_made_response_takes_the_trailers_of_the_old_one_away():
    def change(flow):
        flow.response = Response.make()

    changes = patch(change, http_response(trailers=[["a", "1"]]))
    assert changes["response"]["trailers"] is None


def test_a_response_must_be_one():
    with pytest.raises(TypeError, match="must be a Response"):
        Flow(http_flow()).response = "text"


def test_response_headers_outside_utf8_are_left_alone():
    def change(flow):
        flow.response.headers["x"] = "1"

    assert patch(change, http_response()) == {"response": {"headers": {"x": "1"}}}


def test_trailers():
    def change(flow):
        flow.response.trailers["b"] = "2"

    assert patch(change, http_response(trailers=[["a", "1"]])) == {"response": {"trailers": {"b": "2"}}}


def test_trailers_where_there_were_none():
    def change(flow):
        flow.response.trailers = {"a": "1"}

    assert patch(change, http_response()) == {"response": {"trailers": {"a": "1"}}}


def test_metadata_is_diffed():
    def change(flow):
        flow.metadata["k"]["a"] = 3
        del flow.metadata["k"]["b"]
        flow.metadata["new"] = [1]

    assert patch(change) == {"metadata": {"k": {"a": 3, "b": None}, "new": [1]}}


def test_nested_records():
    def change(flow):
        flow.client_conn.error = "refused"

    assert patch(change) == {"client_conn": {"error": "refused"}}


def test_kill_and_stop():
    flow = Flow(http_flow())
    flow.kill()
    flow.stop()
    assert flow.directives() == {"action": "kill", "stop": True}


def test_a_misspelt_field_is_refused():
    with pytest.raises(AttributeError, match=r"Request has no 'metod' to set; did you mean 'method'\? It has authority, content"):
        Flow(http_flow()).request.metod = "GET"
    with pytest.raises(AttributeError, match="Request has no 'contents' to set; did you mean 'content'"):
        Flow(http_flow()).request.contents = b""
    with pytest.raises(AttributeError, match="Response has no 'statusCode'; did you mean 'status_code'"):
        Flow(http_response()).response.statusCode
    with pytest.raises(AttributeError, match="Flow has no 'messages' to set; it has comment, .*response"):
        Flow(http_flow()).messages = []


def test_raw_content_is_content_where_nothing_is_coded():
    request = Flow(http_flow(content="a")).request
    request.raw_content = b"b"
    assert (request.raw_content, request.content) == (b"b", b"b")
    assert Flow(http_flow(content=None)).request.raw_content is None


def test_raw_content_cannot_be_set_where_content_is_decoded():
    request = Flow(http_flow(headers=[["Content-Encoding", "gzip"]], content_decoded=True)).request
    with pytest.raises(TypeError, match="decode=False"):
        request.raw_content = b""


def test_where_a_request_goes():
    assert patch(lambda flow: flow.send_to("10.0.0.7", 8443)) == {"server_conn": {"address": ["10.0.0.7", 8443]}}
    assert patch(lambda flow: flow.send_to(via=None)) == {"server_conn": {"via": None}}

    def change(flow):
        flow.send_to("h", 1, via=("http", ("p", 3128)))
        flow.send_to("h", 2)

    assert patch(change) == {"server_conn": {"address": ["h", 2], "via": ("http", ("p", 3128))}}
    with pytest.raises(TypeError, match="both a host and a port"):
        Flow(http_flow()).send_to("h")


def test_where_an_addon_before_sends_it():
    def change(flow):
        flow.server_conn.address = ["h", 2]
        flow.send_to(via=None)

    snapshot = {**http_flow(), "server_conn": {"address": ["h", 1], "via": ["http", ["p", 1]]}}
    assert patch(change, snapshot) == {"server_conn": {"address": ["h", 2], "via": None}}


def test_a_recorded_response():
    def change(flow):
        flow.response = Response.make(204)
        flow.is_replay = "response"

    assert patch(change)["is_replay"] == "response"
