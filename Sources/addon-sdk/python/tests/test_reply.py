import pytest
from proxyd_addon.events import find_handlers
from proxyd_addon.reply import result_of, wrap_arguments


def reply_to(returned, params):
    """The arguments that a handler of `response_data` gets, and the reply to what it returns."""
    seen = []

    class Addon:
        def response_data(self, flow, data, offset, end):
            seen.append((data, offset, end))
            return returned

    handler = find_handlers(Addon())["response_data"]
    arguments = wrap_arguments(handler, {"flow": {"id": "f"}, **params})
    return seen, result_of(handler, arguments, handler.function(*arguments))


@pytest.mark.parametrize(
    ("returned", "reply"),
    [
        (None, None),
        (b"x", {"data": "x"}),
        (b"", {"data": ""}),
        (b"\xff", {"data": {"base64": "/w=="}}),
        ([b"a", b"b"], {"data": ["a", "b"]}),
        ({"rest": "original"}, {"rest": "original"}),
    ],
)
def test_chunks_are_bytes_both_ways(returned, reply):
    seen, result = reply_to(returned, {"data": {"base64": "/w=="}, "offset": 3, "end": False})
    assert seen == [(b"\xff", 3, False)] and result == reply
