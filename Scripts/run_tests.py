"""Runs every test suite and closes with one line: `N passed, N failed`.

Each suite runs in a process of its own. Its count is read from the report file that it writes. A suite that ends without a
report, or with a failure that the report does not explain, or not at all, counts as one more failure.
"""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from counts import Count, count_junit, count_swift_output

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / ".build" / "test-results"
FRAMES = RESULTS / "frames"
PROXYD = ROOT / ".build" / "release" / "proxyd"
MINUTE = 60
WAITING = "Tests/stories/test_one_way.py"
"""Stories that spend most of their time waiting, so that many run at once."""
STORIES = ["Tests/stories", f"--ignore={WAITING}"]


@dataclass
class Suite:
    """A command and the file of its report; without a report it counts as one test, or as none if `is_test` is false.

    `limit` is in seconds.
    """

    name: str
    command: list[str]
    report: Path | None = None
    limit: int = 10 * MINUTE
    is_test: bool = True
    environment: dict[str, str] = field(default_factory=dict)


def swift_tests() -> Suite:
    command = ["swift", "test", "--disable-xctest", "--xunit-output", str(RESULTS / "swift.xml")]
    # Some tests compare with Python packages, which are in .venv.
    path = os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ.get("PATH", "")])
    return Suite("swift", command, RESULTS / "swift.xml", limit=15 * MINUTE, environment={"PATH": path})


def pytest(name: str, *arguments: str) -> Suite:
    report = RESULTS / f"{name}.xml"
    command = [sys.executable, "-m", "pytest", *arguments, "-q", "--junit-xml", str(report)]
    environment = {
        "PROXYD": str(PROXYD),
        "PROXYD_FRAMES": str(FRAMES),
        "PYTHONPATH": str(ROOT / "Sources" / "addon-sdk" / "python"),
    }
    return Suite(name, command, report, limit=25 * MINUTE, environment=environment)


def mitmproxy() -> Suite:
    """In a separate environment, since mitmproxy needs other versions. If it is missing, one test says why."""
    report = RESULTS / "mitmproxy.xml"
    python = ROOT / ".build" / "venv-mitm" / "bin" / "python"
    if not (python.parent.parent / "requirements.installed").exists():
        return pytest("mitmproxy", "Tests/mitmproxy/test_installed.py")
    command = [str(python), "-m", "pytest", "Tests/mitmproxy", "-q", "--junit-xml", str(report)]
    return Suite("mitmproxy", command, report, limit=5 * MINUTE, environment={"PROXYD": str(PROXYD)})


def lint() -> Suite:
    """The format, and warnings: the tests have been built by now, and that build treats warnings as errors."""
    return Suite("lint", ["sh", "Scripts/lint.sh"])


def frames() -> Suite:
    """Validates every frame that the stories recorded. If none was recorded it fails: no file has the pattern for its name."""
    return Suite("frames", ["sh", "-c", f'"{sys.executable}" schema/validate.py "{FRAMES}"/*.jsonl'])


def suites() -> list[Suite]:
    """All suites in the order in which they run. `frames` reads what the stories recorded."""
    return [
        Suite("build", ["sh", "Scripts/build.sh"], limit=20 * MINUTE, is_test=False),
        swift_tests(),
        lint(),
        pytest("sdk", "Sources/addon-sdk/python/tests", "Sources/addon-sdk/node/test"),
        pytest("schema", "Tests/schema"),
        pytest("tools", "Scripts/tests", "Benchmarks/tests"),
        pytest("stories", *STORIES, "-m", "not measures", "-n", "2", "--dist", "loadfile"),
        pytest("measures", *STORIES, "-m", "measures"),
        pytest("waiting", WAITING, "-n", "8"),
        mitmproxy(),
        frames(),
    ]


def run(suite: Suite) -> Count:
    print(f"\n== {suite.name}: {' '.join(suite.command)}", flush=True)
    log = RESULTS / f"{suite.name}.log"
    code = run_logged(suite, log)
    if suite.report is None:
        return Count(passed=int(code == 0 and suite.is_test), failed=int(code != 0))
    count = count_junit(suite.report)
    if count is None:
        print(f"{suite.name} ended with {code} and left no report", flush=True)
        return count_swift_output(log) + Count(failed=1)
    unexplained = code != 0 and count.failed == 0
    return count + Count(failed=int(unexplained or count.total == 0))


def run_logged(suite: Suite, log: Path) -> int:
    """Runs the suite. Returns the exit code; the output is written to `log` and from there to the terminal.

    It uses a file instead of a pipe, which a server left behind by a test would hold open. `timeout` ends a suite that hangs,
    together with its children.
    """
    command = ["timeout", "--kill-after=10", str(suite.limit), *suite.command]
    with log.open("wb") as output, log.open("rb") as written:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | suite.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            follow(process, written)
        finally:
            process.terminate()
        return process.wait()


def follow(process: subprocess.Popen, written: BinaryIO) -> None:
    """Prints what is written until the process has ended."""
    ended = False
    while not ended:
        ended = process.poll() is not None
        sys.stdout.buffer.write(written.read())
        sys.stdout.flush()
        time.sleep(0 if ended else 0.1)


def chosen(names: list[str]) -> list[Suite]:
    known = {suite.name: suite for suite in suites()}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"no suite named {', '.join(unknown)}; there are {', '.join(known)}")
    return [suite for name, suite in known.items() if name in names or not names]


def main() -> int:
    picked = chosen(sys.argv[1:])
    shutil.rmtree(RESULTS, ignore_errors=True)
    FRAMES.mkdir(parents=True)
    counts = {suite.name: run(suite) for suite in picked}
    print()
    for name, count in counts.items():
        print(f"{name:12} {count}")
    total = sum(counts.values(), Count())
    print(total, flush=True)
    return int(total.failed > 0 or total.passed == 0)


if __name__ == "__main__":
    sys.exit(main())
