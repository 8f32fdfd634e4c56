"""`proxyd init`: an addon in each language, its own test, and its effect under the daemon."""

import os
import shutil
import subprocess

import pytest
from harness.daemon import ROOT, binary, clean_environment
from harness.tools import TOOL_TIMEOUT, proxyd_tool
from harness.waiting import wait_until

NEEDS = {
    "python": ["python3"], "node": ["node", "npm"], "typescript": ["node", "npm", "tsc"], "swift": ["swiftc"], "shell": ["jq", "socat"],
    "perl": ["perl"], "ruby": ["ruby"], "lua": ["lua5.4"], "java": ["java", "javac"], "go": ["go"], "rust": ["rustc"], "c": ["cc"],
}  # fmt: skip
PROBES = {
    "lua": ["lua5.4", "-e", "require('cjson') require('socket.unix')"],
    "c": ["sh", "-c", "echo '#include <jansson.h>' | cc -E - >/dev/null"],
}


def init(folder, *arguments):
    return subprocess.run(
        [binary(), "init", *map(str, arguments)], cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=TOOL_TIMEOUT
    )


def steps(done) -> list[str]:
    """The commands that it recommends next."""
    return [line[2:] for line in done.stdout.splitlines() if line.startswith("  ")]


def in_shell(folder, commands):
    """Runs them as a user would type them, but without a network."""
    script = "\n".join(["set -e", "export npm_config_offline=true npm_config_audit=false", *commands])
    environment = {name: value for name, value in clean_environment().items() if name != "PYTHONPATH"}
    return subprocess.run(["sh", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=TOOL_TIMEOUT)


def build_swift(folder):
    """Builds with the debug build's SDK, since a full build of a package takes minutes."""
    built = ROOT / ".build" / "debug"
    if not (built / "Modules" / "AddonSDK.swiftmodule").exists():
        pytest.skip("there is no debug build of the SDK")
    described = subprocess.run(["swift", "package", "dump-package"], cwd=folder, capture_output=True, text=True)
    assert described.returncode == 0 and str(ROOT) in described.stdout, described.stderr
    objects = [str(path) for module in ("AddonSDK", "AddonProtocol") for path in (built / f"{module}.build").glob("**/*.o")]
    target = folder / ".build" / "debug"
    target.mkdir(parents=True)
    command = ["swiftc", "-swift-version", "6", "-parse-as-library", "-I", built / "Modules", "-Xcc", f"-fmodule-map-file={ROOT}/Sources/CJansson/module.modulemap",
               folder / "Sources" / "Addon.swift", *objects, "-ljansson", "-o", target / folder.name]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(params=NEEDS)
def language(request):
    if missing := [program for program in NEEDS[request.param] if not shutil.which(program)]:
        pytest.skip(f"needs {' and '.join(missing)}, which is not installed")
    if request.param in PROBES and subprocess.run(PROBES[request.param], capture_output=True, check=False).returncode:
        pytest.skip(f"the libraries of {request.param} are not installed")
    return request.param


def test_an_addon_is_written_tested_and_run(proxyd, addon, origin, client, tmp_path, language):
    done = init(tmp_path, "colour-it", "--language", language)
    assert done.returncode == 0, done.stderr
    change, *prepare, test, run = steps(done)
    folder = tmp_path / "colour-it"
    assert change == "cd colour-it" and run.startswith(f"{os.path.realpath(binary())} run --addon 'colour-it=")
    if language == "swift":
        build_swift(folder)
        (folder / "test.sh").write_text((folder / "test.sh").read_text().replace("swift build\n", ""))
    tested = in_shell(tmp_path, [change, *prepare, test])
    assert tested.returncode == 0, tested.stdout + tested.stderr
    # The user's daemon is not the test's, which is given the command.
    command = run.partition("'colour-it=")[2].rstrip("'")
    exports = [step for step in prepare if step.startswith("export")]
    started = " && ".join([f"cd {folder}", *exports, f"exec {command}"])
    daemon, server = proxyd("--addon", f"colour-it={started}"), origin()
    looking = addon(daemon, [], name="looking")
    wait_until(lambda: is_ready(looking, "colour-it"), "the addon to be ready")
    client(daemon).get(server.url())
    assert server.requests[-1].get(b"x-addon") == b"colour-it"
    # A test that cannot fail is worthless.
    if language != "swift":
        [source] = [path for path in folder.iterdir() if path.stem in ("addon", "add_header", "AddHeader") and path.suffix in SOURCES]
        source.write_text(source.read_text().replace("x-addon", "x-other"))
        assert in_shell(tmp_path, [change, *exports, test]).returncode != 0


SOURCES = (".py", ".js", ".ts", ".sh", ".pl", ".rb", ".lua", ".java", ".go", ".rs", ".c")


def is_ready(looking, name) -> bool:
    return any(each["name"] == name and each["state"] == "ready" for each in looking.call("addon.list")["addons"])


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "addon.py").write_text("precious")
    done = init(tmp_path, "mine")
    assert done.returncode == 2 and "mine exists already, and nothing is overwritten" in done.stderr
    assert [path.read_text() for path in (tmp_path / "mine").iterdir()] == ["precious"]
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert init(tmp_path, "link").returncode == 2 and not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".", "-", "1st", "a b", "a.b", "ä", "x" * 65, "a\nb", "a'b"])
def test_a_name_that_is_none(tmp_path, name):
    done = init(tmp_path, "--", name)
    assert done.returncode == 2 and "is not allowed; allowed are at most 64 letters" in done.stderr and len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_language_that_is_not_known(tmp_path):
    assert "did you mean python?" in init(tmp_path, "mine", "--language", "pyhton").stderr
    done = init(tmp_path, "mine", "--language", "cobol")
    assert done.returncode == 2 and "known languages are python, node, typescript" in done.stderr
    assert "is taken by a module" in init(tmp_path, "proxyd", "--language", "swift").stderr
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_was_moved_away_has_its_templates(tmp_path):
    """It does not know where the SDK is, and says so, or is told."""
    moved = tmp_path / "bin" / "proxyd"
    moved.parent.mkdir()
    shutil.copy(binary(), moved)
    environment = clean_environment(PATH=f"{moved.parent}:{os.environ['PATH']}")
    for arguments, place in ((["one"], "/path/to/proxyd"), (["two", "--sources", str(ROOT)], str(ROOT))):
        done = subprocess.run(["proxyd", "init", *arguments, "--language", "node"], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert f'"file:{place}/Sources/addon-sdk/node"' in (tmp_path / arguments[0] / "package.json").read_text()
        assert ("stands for the folder of proxyd's sources" in done.stdout) == (place != str(ROOT))
        assert f"  proxyd run --addon '{arguments[0]}=node addon.js'" in done.stdout
    wrong = init(tmp_path, "three", "--sources", tmp_path)
    assert wrong.returncode == 2 and "it has no folder Sources/addon-sdk" in wrong.stderr


def test_the_files_are_those_that_the_examples_are_tested_as(tmp_path):
    made = subprocess.run(["python3", ROOT / "Scripts" / "init_templates.py", "--check"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
