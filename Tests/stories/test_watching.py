"""`flow.subscribe` with `live`: a table of flows that is kept up to date, whatever happens."""

import threading
from collections import Counter

import pytest
from harness.clients import Client, request
from harness.raw_addon import HOLD, RPCError
from harness.waiting import wait_until


class Table:
    """What a tool keeps of the flows that are reported to it."""

    def __init__(self, addon, **params):
        self.addon = addon
        self.params = params
        answer = addon.call("flow.subscribe", live=True, **params)
        assert answer["complete"]
        self.rows = {row["id"]: row for row in answer["flows"]}
        self.seq = answer["seq"]
        self.states: dict[str, list] = {}
        self.lost = 0
        self._taken = 0

    def update(self) -> dict[str, dict]:
        told = self.addon.named("flows")
        for event in told[self._taken :]:
            if event.params["seq"] <= self.seq:
                continue
            if event.params["after"] > self.seq:
                self.lost += 1
                answer = self.addon.call("flow.subscribe", live=True, after=self.seq, **self.params)
                assert answer["complete"]
                self.rows |= {row["id"]: row for row in answer["flows"]}
                self.seq = answer["seq"]
                continue
            for row in event.params["flows"]:
                self.rows[row["id"]] = row
                self.states.setdefault(row["id"], []).append(row["state"])
            self.seq = event.params["seq"]
        self._taken = len(told)
        return self.rows

    def wait(self, look, what: str):
        return wait_until(lambda: look(list(self.update().values())), what)


def test_new_changed_and_ended_flows_are_told(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    watcher = addon(daemon, [], name="watcher")
    holder = addon(daemon, ["request"], name="holder", replies={"request": HOLD})
    client(daemon)
    table = Table(watcher)
    connection = client(daemon).send(request("GET", server.url("/a")))
    asked = holder.wait_for("request")
    waiting = {"addon": "holder", "event": "request"}
    table.wait(lambda rows: [row["waiting_for"] for row in rows] == [waiting], "the new flow to be told")
    assert watcher.call("flow.update", id=asked.flow["id"], patch={"marked": "x"})["applied"]
    table.wait(lambda rows: rows[0]["marked"] == "x", "the mark to be told")
    holder.reply(asked, None)
    assert connection.receive().status == 200
    [row] = table.wait(lambda rows: rows if rows[0]["state"] == "done" else None, "the end to be told")
    assert (row["status_code"], row["changed_by"], row["response_size"]) == (200, ["watcher"], 5)
    watcher.call("flow.update", id=row["id"], patch={"comment": "later"})
    table.wait(lambda rows: rows[0]["comment"] == "later", "a change of an ended flow to be told")
    assert watcher.named("update") == [] and table.lost == 0


def test_every_flow_of_a_load_is_told_of_and_few_notifications_do(proxyd, addon, origin):
    daemon, server = proxyd(flow_history=10), origin()
    watcher = addon(daemon, [], name="watcher")
    table = Table(watcher)
    clients, each = 4, 100

    def load(number):
        with Client(daemon) as connection:
            for count in range(each):
                assert connection.get(server.url(f"/{number}/{count}")).status == 200

    threads = [threading.Thread(target=load, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table.wait(lambda rows: len(rows) == clients * each and all(row["state"] == "done" for row in rows), "all to be told")
    assert Counter(row["status_code"] for row in table.rows.values()) == {200: clients * each}
    sequence = [event.params["seq"] for event in watcher.named("flows")]
    assert sequence == sorted(set(sequence)) and len(sequence) < clients * each / 2
    assert len(server.requests) == clients * each


def test_only_flows_that_match_are_told(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    watcher = addon(daemon, [], name="watcher")
    table = Table(watcher, filter="~u wanted")
    everything = Table(addon(daemon, [], name="everything"))
    connection = client(daemon)
    for path in ("/other", "/wanted", "/another"):
        connection.get(server.url(path))
    everything.wait(lambda rows: len(rows) == 3 and all(row["state"] == "done" for row in rows), "all flows to be told")
    table.wait(lambda rows: [row["url"][-7:] for row in rows] == ["/wanted"], "the flow to be told")


def test_after_a_loss_a_client_goes_on_where_it_was(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    watcher = addon(daemon, [], name="watcher")
    other = addon(daemon, [], name="other")
    connection = client(daemon)
    connection.get(server.url("/0"))
    table = Table(watcher)
    assert len(table.rows) == 1
    connection.get(server.url("/1"))
    table.wait(lambda rows: len(rows) == 2, "the second flow")
    Table(other)
    connection.get(server.url("/2"))
    answer = watcher.call("flow.subscribe", live=True, after=table.seq)
    assert answer["complete"] and [row["url"][-1] for row in answer["flows"]] == ["2"]
    assert answer["seq"] > table.seq
    # If nobody has watched all the time, the daemon cannot say what has changed.
    for each in (watcher, other):
        assert each.call("flow.unsubscribe") == {}
    anew = watcher.call("flow.subscribe", live=True, after=answer["seq"])
    assert not anew["complete"] and len(anew["flows"]) == 3
    assert not watcher.call("flow.subscribe", live=True, after=10**9)["complete"]


def test_a_watcher_that_does_not_read_is_told_that_it_has_lost_something(proxyd, addon, origin, client):
    daemon, server = proxyd(max_queue_bytes="64k", flow_history=1000), origin()
    reads = threading.Event()
    watcher = addon(daemon, [], name="watcher", replies={"flows": lambda _: reads.wait() and None})
    table = Table(watcher)
    other = Table(addon(daemon, [], name="other"))
    connection = client(daemon)
    for told in range(40, 401, 40):
        for number in range(40):
            connection.get(server.url(f"/{told}/{number}/{'z' * 6000}"))
        other.wait(lambda rows: len(rows) == told and all(row["state"] == "done" for row in rows), "these to be told")
    reads.set()
    table.wait(lambda rows: len(rows) == 400 and all(row["state"] == "done" for row in rows), "all flows to be told")
    assert table.lost > 0 and watcher.named("dropped")


def test_nothing_is_told_once_it_is_not_wanted(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    watcher = addon(daemon, [], name="watcher")
    Table(watcher)
    watcher.call("flow.unsubscribe")
    other = Table(addon(daemon, [], name="other"))
    client(daemon).get(server.url())
    other.wait(lambda rows: len(rows) == 1 and rows[0]["state"] == "done", "the flow to be told to the other")
    watcher.call("ping")
    assert watcher.named("flows") == []


def test_without_live_all_is_as_it_was(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, [], name="seen")
    assert seen.call("flow.subscribe") == {"flows": []}
    client(daemon).get(server.url())
    [row] = seen.call("flow.list")["flows"]
    seen.call("flow.update", id=row["id"], patch={"marked": "x"})
    [told] = seen.wait_for("update").params["flows"]
    assert told["marked"] == "x" and seen.named("flows") == []


def test_who_loses_the_right_is_told_nothing_more(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    watcher = addon(daemon, [], name="watcher")
    other = addon(daemon, [], name="other")
    Table(watcher)
    table = Table(other)
    other.call("options.set", options={"grants": ["watcher:-flows.read"]})
    client(daemon).get(server.url())
    table.wait(lambda rows: len(rows) == 1 and rows[0]["state"] == "done", "the flow to be told to the other")
    with pytest.raises(RPCError) as error:
        watcher.call("flow.subscribe", live=True)
    assert error.value.code == -32003
    assert watcher.named("flows") == []


def test_params_that_make_no_sense(proxyd, addon):
    seen = addon(proxyd(), [], record=False)
    for params in ({"live": 1}, {"live": True, "after": "x"}, {"live": True, "after": -1}, {"live": True, "filter": "~zzz"}):
        with pytest.raises(RPCError) as error:
            seen.call("flow.subscribe", **params)
        assert error.value.code == -32602


def test_the_messages_of_a_tcp_flow_change_its_row(proxyd, addon, origin):
    def echo(visit):
        while data := visit.socket.recv(65536):
            visit.send(data)

    server = origin(serve=echo)
    daemon = proxyd("--mode", f"reverse:tcp://127.0.0.1:{server.port}")
    table = Table(addon(daemon, [], name="watcher"))
    with Client(daemon) as connection:
        connection.send(b"12345")
        assert connection.stream.read(5) == b"12345"
        table.wait(lambda rows: [(row["state"], row["request_size"], row["response_size"]) for row in rows] == [("open", 5, 5)], "sizes")
    table.wait(lambda rows: rows[0]["state"] == "done", "the end")
