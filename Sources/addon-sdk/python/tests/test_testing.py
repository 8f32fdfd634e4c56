import pytest
from proxyd_addon import Response, ctx
from proxyd_addon.testing import handle, make_flow


class Addon:
    async def response(self, flow):
        flow.response.text = flow.response.text.replace("cat", flow.request.host)

    def request(self, flow):
        flow.comment = ctx.options["word"]

    def serverconnect(self, server_conn):
        server_conn.address = ["127.0.0.1", 80]

    def response_data(self, flow, data):
        return data[:1]


def test_a_handler_is_run_on_a_flow_by_hand():
    flow = make_flow("https://a.test:8443/x?y=1", method="POST", content="b", response=Response.make(200, b"a cat"))
    assert (flow.request.url, flow.request.headers["host"]) == ("https://a.test:8443/x?y=1", "a.test:8443")
    assert handle(Addon, "response", flow) == {"flow": {"response": {"content": "a a.test"}}}


def test_other_arguments_and_options():
    assert handle(Addon(), "serverconnect", {"address": None}) == {"server_conn": {"address": ["127.0.0.1", 80]}}
    assert handle(Addon, "response_data", make_flow(), b"xyz") == {"data": "x"}
    assert handle(Addon, "request", make_flow(), options={"word": "w"}) == {"flow": {"comment": "w"}}
    assert ctx.options == {}


def test_an_event_that_the_addon_does_not_handle():
    with pytest.raises(TypeError, match="no handler of error; it has serverconnect, request, response, response_data"):
        handle(Addon, "error", make_flow())
