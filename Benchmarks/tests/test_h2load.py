"""Parsing the output of h2load 1.52."""

import pytest
from h2load import result

OUTPUT = """\
Application protocol: h2
finished in 2.00s, 22844.00 req/s, 25.09MB/s
requests: 45688 total, 45720 started, 45688 done, {succeeded} succeeded, {failed} failed, 0 errored, 0 timeout
status codes: 45688 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 50.18MB (52615440) total, 4.78MB (5008348) headers (space savings 38.76%), 44.62MB (46784512) data
"""
LOG = "".join(f"1795528418772798\t200\t{microseconds}\n" for microseconds in range(100, 0, -1))


def test_counts_latencies_and_bytes():
    assert result(OUTPUT.format(succeeded=45688, failed=0), LOG, 2) == {
        "requests": 45688,
        "seconds": 2.0,
        "bytes": 46784512,
        "p50_us": 51.0,
        "p99_us": 100.0,
        "errors": {"status or stream": 0, "connection": 0, "timeout": 0},
    }


def test_failures_are_errors():
    assert result(OUTPUT.format(succeeded=45687, failed=1), LOG, 2)["errors"]["status or stream"] == 1


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("finished in 1.00s\n", "could not connect"),
        (OUTPUT.format(succeeded=1, failed=0).replace(": h2", ": http/1.1"), "spoke http/1.1"),
    ],
)
def test_what_is_not_http2_is_refused(output, said):
    with pytest.raises(ValueError, match=said):
        result(output, LOG, 2)
