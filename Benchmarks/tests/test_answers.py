"""The checks before and after measuring, against the origins themselves."""

import dataclasses

import origins as origins_module
import pytest
from answers import WrongAnswer, check_once, get, parse
from contenders import BENCH_HEADER, origin_itself
from load import LoadError
from origins import SEEN_PATH, Origins
from protocols import Protocol

HTTP = [Protocol.HTTP, Protocol.TLS, Protocol.H2]


@pytest.fixture(scope="module")
def origins(native, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(origins_module, "ECHO_SERVER", native / "echo_server")
        origins = Origins(tmp_path_factory.mktemp("bench") / "origin")
        yield origins
        origins.end()


@pytest.fixture
def running(origins, tmp_path, request):
    running = origin_itself(request.param, tmp_path, origins)
    yield running
    running.end()


@pytest.mark.parametrize("running", HTTP, indirect=True)
def test_an_origin_is_right(running):
    check_once(running)
    version = "HTTP/2.0" if running.protocol is Protocol.H2 else "HTTP/1.1"
    assert get(running, SEEN_PATH).body.decode() == f"{version} x-bench= x-proxyd="


@pytest.mark.parametrize("running", HTTP, indirect=True)
def test_a_missing_header_is_seen(running):
    with pytest.raises(WrongAnswer, match="the request has no added header, expected x-bench"):
        check_once(dataclasses.replace(running, added=BENCH_HEADER))


@pytest.mark.parametrize("running", [Protocol.TLS, Protocol.H2], indirect=True)
def test_a_certificate_of_somebody_else_is_seen(running, tmp_path):
    origins_module.make_certificate(tmp_path)
    with pytest.raises(WrongAnswer, match="certificate"):
        check_once(dataclasses.replace(running, certificate=tmp_path / "certificate.pem"))


@pytest.mark.parametrize("running", [Protocol.WEBSOCKET], indirect=True)
def test_a_missing_mark_is_seen(running, native, monkeypatch):
    monkeypatch.setattr("load.NATIVE", native / "load")
    check_once(running)
    with pytest.raises(LoadError, match="expected .*><, got "):
        check_once(dataclasses.replace(running, added="><"))


def test_a_header_without_a_value_is_none():
    answer = parse(b"HTTP/1.1 200 OK\r\nX-Bench: \r\nVia: a\r\n\r\nbody", "HTTP/1.1")
    assert answer.headers == {"via"}


def test_another_version_of_http_is_seen():
    with pytest.raises(WrongAnswer, match="answered in HTTP/1.1, expected HTTP/2"):
        parse(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "HTTP/2")
