"""Rows, their names, and what is said of them."""

from contenders import CONTENDERS
from measure import Cell, Row
from protocols import Protocol
from report import table
from targets import RATIOS, verdicts


def row(protocol, name, rate):
    cell = Cell(rate=rate, p50_us=1.0, p99_us=2.0, proxy_cpu=0.001, addon_cpu=0.0, rates=[rate])
    return Row(protocol, name, f"label of {name}", {1: cell, 32: cell}, 10.0, 0.0)


def test_every_row_has_a_key_of_its_own():
    keys = [contender.key for contender in CONTENDERS]
    assert len(set(keys)) == len(keys)
    assert not set(keys) & {protocol.value for protocol in Protocol}
    assert {"proxyd-c", "tls-proxyd-c", "h2-mitmproxy", "ws-proxyd-swift"} <= set(keys)


def test_targets_are_about_rows_that_there_are():
    rows = {(contender.protocol, contender.name) for contender in CONTENDERS}
    for protocol, name, other, _ in RATIOS:
        assert {(protocol, name), (protocol, other)} <= rows


def test_a_target_compares_within_its_protocol():
    rows = [
        row(Protocol.H2, "mitmproxy-addon", 100.0),
        row(Protocol.H2, "proxyd-swift", 1500.0),
        row(Protocol.WEBSOCKET, "mitmproxy-addon", 1000.0),
        row(Protocol.WEBSOCKET, "proxyd-swift", 14_990.0),
        row(Protocol.TLS, "proxyd-swift", 1.0),
    ]
    said = [str(verdict) for verdict in verdicts(rows, [])]
    assert said == [
        "ok      h2: label of proxyd-swift, times label of mitmproxy-addon: 15.00 (target >= 15)",
        "missed  ws: label of proxyd-swift, times label of mitmproxy-addon: 14.99 (target >= 15)",
    ]


def test_a_table_divides_by_its_own_rows():
    rows = [row(Protocol.WEBSOCKET, "mitmproxy-addon", 200.0), row(Protocol.WEBSOCKET, "proxyd", 5000.0)]
    title, _, head, *lines = table(Protocol.WEBSOCKET, rows).splitlines()
    assert title.startswith("WebSocket")
    assert head.split().count("msg/s") == 2
    assert [line.split()[-4:] for line in lines] == [["-", "-", "-", "1.00"], ["-", "-", "-", "25.00"]]
