import pytest
from proxyd_addon import Headers

WIRE = [["Host", "h"], ["A", "1"], ["B", "x"], ["a", "2"], ["X-Bytes", {"base64": "//4="}]]


def changed(change) -> object:
    headers = Headers.from_wire(WIRE)
    change(headers)
    return headers.patch_from(Headers.from_wire(WIRE))


def test_names_are_case_insensitive_and_values_joined():
    headers = Headers.from_wire(WIRE)
    assert headers["a"] == "1, 2" and headers.get_all("A") == ["1", "2"]
    assert "HOST" in headers and "other" not in headers and 5 not in headers
    assert list(headers) == ["Host", "A", "B", "X-Bytes"] and len(headers) == 4
    with pytest.raises(KeyError):
        headers["other"]


def test_bytes_outside_utf8_survive():
    headers = Headers.from_wire(WIRE)
    assert headers.fields[-1] == (b"X-Bytes", b"\xff\xfe")
    assert headers["x-bytes"] == "\udcff\udcfe"
    assert headers.to_wire() == WIRE


def test_reading_changes_nothing():
    assert changed(lambda headers: headers.items(multi=True)) is None


def test_setting_a_value_to_itself_changes_nothing():
    assert changed(lambda headers: headers.__setitem__("host", "h")) is None


@pytest.mark.parametrize(
    ("change", "patch"),
    [
        (lambda headers: headers.__setitem__("x-new", "1"), {"x-new": "1"}),
        (lambda headers: headers.__setitem__("b", "y"), {"B": "y"}),
        (lambda headers: headers.__setitem__("a", "3"), {"A": "3"}),
        (lambda headers: headers.__delitem__("a"), {"A": None}),
        (lambda headers: headers.set_all("A", ["1", "2", "3"]), {"A": ["1", "2", "3"]}),
        (lambda headers: headers.add("x", b"\xff"), {"x": {"base64": "/w=="}}),
        (lambda headers: headers.set_all("n", ["1", "2"]), {"n": ["1", "2"]}),
        (lambda headers: headers.update({"c": "1", "d": "2"}), {"c": "1", "d": "2"}),
    ],
)
def test_only_changed_names_are_sent(change, patch):
    assert changed(change) == patch


def test_order_demands_the_whole_list():
    assert changed(lambda headers: headers.insert(0, "First", "1")) == [["First", "1"], *WIRE]


def test_case_demands_the_whole_list():
    def lower(headers):
        del headers["host"]
        headers.insert(0, "host", "h")

    assert changed(lower) == [["host", "h"], *WIRE[1:]]


def test_values_must_be_text_or_bytes():
    with pytest.raises(TypeError, match="must be str or bytes, not int: 5"):
        Headers()["x"] = 5


def test_equality_and_copy():
    headers = Headers({"a": "1"})
    copy = headers.copy()
    copy.add("a", "2")
    assert headers == Headers([("a", "1")]) and copy != headers
