"""Each instrument on a program whose work is known; instruments that are not installed are skipped."""

import subprocess
from shutil import which

import pytest
from instruments import (
    Allocations,
    Callgrind,
    InstrumentError,
    SystemCalls,
    all_system_calls,
    await_attachment,
    callgrind_total,
)

# For each byte on its standard input: allocates that many times, asks for its parent that many times, and reports that it is
# done. A zero byte makes it fork a child that allocates 100 times and executes `true`.
WORKER = r"""
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static void *volatile kept;
static void allocate(int times) { while (times-- > 0) free(kept = malloc(32)); }
int main(void) {
    unsigned char byte;
    write(1, "r", 1);
    while (read(0, &byte, 1) == 1) {
        allocate(byte);
        for (int at = 0; at < byte; at++) syscall(SYS_getppid);
        if (byte == 0 && fork() == 0) {
            allocate(100);
            execlp("true", "true", NULL);
        }
        if (byte == 0) wait(NULL);
        write(1, "d", 1);
    }
}
"""


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worker")
    (folder / "worker.c").write_text(WORKER)
    subprocess.run(["cc", "-O1", "-w", "-o", folder / "worker", folder / "worker.c"], check=True)
    return folder / "worker"


@pytest.fixture
def counted(worker, native, tmp_path, monkeypatch):
    """Returns what an instrument of this kind counts while the worker gets these bytes."""
    monkeypatch.setattr("instruments.ALLOCATION_COUNTER", native / "count_allocations.so")
    started = []

    def count(kind, *loads):
        missing = [program for program in kind.programs if not which(program)]
        if missing:
            pytest.skip(f"{missing[0]} is not installed")
        instrument = kind(tmp_path)
        process = subprocess.Popen([*instrument.under(), worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        started.append(process)
        assert process.stdout.read(1) == b"r"
        return [instrument.count([process.pid], lambda: give(process, load)) for load in loads]

    yield count
    for process in started:
        process.stdin.close()
        process.wait(timeout=10)
        process.stdout.close()


def give(process, load):
    process.stdin.write(load)
    for _ in load:
        assert process.stdout.read(1) == b"d"


def test_allocations_are_counted_to_the_last(counted):
    assert counted(Allocations, b"", b"\x07", b"\xff\x01") == [0, 7, 256]


def test_allocations_of_forked_children_count_but_not_those_of_other_programs(counted):
    assert counted(Allocations, b"\x00") == [100]


def test_system_calls_of_two_loads_differ_by_what_one_does_more(counted):
    """Each byte costs a read and a write as well; attaching and detaching restart the pending read a few times each."""
    few, many = counted(SystemCalls, b"\x07", b"\x07\x64")
    assert abs(many - few - (100 + 2)) <= 8


def test_instructions_of_the_same_work_are_the_same(counted):
    _, few, again, many = counted(Callgrind, b"\x0a", b"\x0a", b"\x0a", b"\x64")
    assert few == again
    assert 8 * few < many < 11 * few


def test_a_summary_of_strace():
    lines = ["    calls syscall", "--------- ---------", "       12 read", "        3 total_of_none", "--------- ---------"]
    assert all_system_calls("\n".join([*lines, "       15 total", ""])) == 15
    assert all_system_calls("") == 0


def test_a_dump_of_callgrind():
    assert callgrind_total("events: Ir\nfn=(1) main\n3 45\n\ntotals: 4500\n") == 4500
    with pytest.raises(InstrumentError, match="without totals"):
        callgrind_total("events: Ir\n")


def test_a_tracer_that_cannot_attach_says_why():
    command = ["sh", "-c", "echo 'strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted' >&2"]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    with pytest.raises(InstrumentError, match="Operation not permitted"):
        await_attachment(tracer, 1)
    tracer.communicate()
