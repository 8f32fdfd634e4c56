import pytest
from proxyd_addon import Flow


def tcp_flow(**message) -> Flow:
    snapshot = {"from_client": True, "content": "hello", "timestamp": 1.5, "dropped": False, "injected": False, **message}
    return Flow({"id": "f1", "type": "tcp", "messages": [snapshot], "message_count": 1})


def test_a_message_is_read():
    message = tcp_flow(content={"base64": "AP8="}).messages[-1]
    assert message.content == b"\x00\xff"
    assert message.from_client is True and message.injected is False


def test_reading_changes_nothing():
    flow = tcp_flow()
    assert flow.messages[-1].content == b"hello" and flow.patch() is None
    assert Flow({"id": "f1", "type": "tcp", "messages": []}).messages == []


@pytest.mark.parametrize(
    ("content", "sent"),
    [(b"bye", "bye"), (b"", ""), (b"\x80", {"base64": "gA=="}), (bytearray(b"x"), "x")],
)
def test_content_is_set(content, sent):
    flow = tcp_flow()
    flow.messages[-1].content = content
    assert flow.messages[-1].content == bytes(content)
    assert flow.patch() == {"messages": [{"content": sent}]}


def test_a_message_is_dropped():
    flow = tcp_flow()
    flow.messages[-1].dropped = True
    assert flow.patch() == {"messages": [{"dropped": True}]}


def test_what_cannot_be_set():
    message = tcp_flow().messages[-1]
    with pytest.raises(TypeError, match="content must be bytes, not str"):
        message.content = "text"
    with pytest.raises(AttributeError, match="has no 'from_client' to set"):
        message.from_client = False
