"""How the cost of a request is computed, and when a count has risen."""

import pytest
from baseline import Change, changes, merged, per_request, read, rounded, write
from counted import COUNTED


def test_what_two_loads_have_in_common_falls_out():
    connections, request = 5_000_000, 91_700
    assert per_request(0, 0, 1_000 * request, 1_000) == request
    assert per_request(connections + 1_000 * request, 1_000, connections + 4_000 * request, 4_000) == request


@pytest.mark.parametrize(
    ("what", "value", "kept"),
    [("instructions", 91_700.4, "91700"), ("allocations", 29.04, "29.0"), ("system_calls", 8.26, "8.3")],
)
def test_counts_are_kept_to_what_they_are_good_for(what, value, kept):
    assert str(rounded(what, value)) == kept


@pytest.mark.parametrize(
    ("what", "committed", "value", "said"),
    [
        ("instructions", 100_000, 103_000, None),
        ("instructions", 100_000, 103_001, "100,000 → 103,001, rose"),
        ("instructions", 100_000, 97_000, None),
        ("instructions", 100_000, 96_999, "100,000 → 96,999, fell, ACCEPT=1 keeps it there"),
        ("allocations", 1.0, 1.1, None),
        ("allocations", 1.0, 1.2, "1.0 → 1.2, rose"),
        ("allocations", 0.0, 0.1, None),
        ("system_calls", 0.0, 0.2, "0.0 → 0.2, rose"),
        ("system_calls", None, 8.0, "new, ACCEPT=1 writes it down"),
    ],
)
def test_a_count_may_rise_by_three_percent_or_its_last_decimal(what, committed, value, said):
    change = Change("row", what, value, committed)
    assert change.verdict == said
    assert change.rose == (said is not None and said.endswith("rose"))


def test_a_change_is_printed_as_a_share_of_what_is_committed():
    assert str(Change("row", "instructions", 45_850, 91_700)) == "45,850 (-50.0%)"
    assert str(Change("row", "allocations", 29.0, None)) == "29.0"
    assert str(Change("row", "allocations", 0.1, 0.0)) == "0.1"


def test_each_count_is_held_against_its_own_row():
    committed = {"a": {"instructions": 10, "allocations": 1.0}, "b": {"instructions": 20}}
    found = changes("a", {"instructions": 11, "system_calls": 2.0}, committed)
    assert found == [Change("a", "instructions", 11, 10), Change("a", "system_calls", 2.0, None)]
    assert changes("c", {"instructions": 1}, committed) == [Change("c", "instructions", 1, None)]


def test_rows_that_were_not_measured_stay(tmp_path):
    path = tmp_path / "counts.json"
    assert read(path) == {}
    write({"a": {"instructions": 10}, "b": {"instructions": 20}}, path)
    write(merged(read(path), {"b": {"instructions": 19}, "c": {"instructions": 5}}), path)
    assert read(path) == {"a": {"instructions": 10}, "b": {"instructions": 19}, "c": {"instructions": 5}}


def test_what_is_committed_is_of_rows_that_there_are():
    assert set(read()) == {contender.key for contender in COUNTED}
