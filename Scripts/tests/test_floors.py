"""Small trees of Swift files, as the check of the floors reads them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import floors


@pytest.fixture
def tree(tmp_path):
    """Writes files, and has what the check says of them."""

    def check(files: dict[str, str]) -> list[str]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return floors.complaints(tmp_path, floors.HOUSES["proxyd"])

    return check


def test_what_is_below_may_be_used(tree):
    files = {
        "Core/Flow/HTTPFlow.swift": "final class HTTPFlow { let log: Log }\n",
        "Core/Log/Log.swift": "final class Log {}\n",
    }
    assert tree(files) == []


def test_an_arrow_that_points_up_names_both_files_and_the_type(tree):
    files = {
        "Core/Flow/HTTPFlow.swift": "final class HTTPFlow {}\n",
        "Core/Log/Log.swift": "final class Log { var flow: HTTPFlow? }\n",
    }
    assert tree(files) == ["Core/Log/Log.swift uses HTTPFlow of Core/Flow/HTTPFlow.swift, which is above it"]


@pytest.mark.parametrize(
    ("use", "name"),
    [
        ("func log() { readAll() }", "readAll"),
        ("func log(_ entry: Entry) { entry.show() }", ".show"),
        ('let text = "of \\(HTTPFlow.self)"', "HTTPFlow"),
        ('let text = "of \\(name ?? "no \\(HTTPFlow.self)")"', "HTTPFlow"),
    ],
)
def test_functions_members_of_extensions_and_what_strings_hold_count(tree, use, name):
    above = "final class HTTPFlow {}\nfunc readAll() {}\nextension Entry {\n    func show() {}\n}\n"
    files = {
        "Core/Flow/HTTPFlow.swift": above,
        "Core/Log/Entry.swift": "struct Entry {}\n",
        "Core/Log/Log.swift": use + "\n",
    }
    assert tree(files) == [f"Core/Log/Log.swift uses {name} of Core/Flow/HTTPFlow.swift, which is above it"]


@pytest.mark.parametrize(
    "use",
    [
        "// HTTPFlow\nlet one = 1",
        "/* an HTTPFlow */ let one = 1",
        'let text = "an HTTPFlow"',
        'let text = #"of \\(HTTPFlow.self)"#',
        'let text = """\n    an HTTPFlow\n    """',
        "let kind: Message.HTTPFlow",
        "func log(_ other: Other) { other.show() }",
    ],
)
def test_what_is_only_spelled_alike_does_not_count(tree, use):
    above = "final class HTTPFlow {}\nextension Entry {\n    func show() {}\n}\n"
    files = {
        "Core/Flow/HTTPFlow.swift": above,
        "Core/Log/Entry.swift": "struct Entry {}\n",
        "Core/Log/Log.swift": use + "\n",
    }
    assert tree(files) == []


def test_a_private_name_is_nobody_elses(tree):
    files = {
        "Core/Flow/HTTPFlow.swift": "private struct Line {}\n",
        "Core/Log/Log.swift": "struct Log { let line: Line }\n",
        "Core/Log/Line.swift": "struct Line {}\n",
    }
    assert tree(files) == []


def chain(count: int) -> dict[str, str]:
    return {f"Core/Flow/F{n}.swift": f"struct F{n} {{ let next: F{(n + 1) % count} }}\n" for n in range(count)}


def test_a_small_cycle_may_stay(tree):
    assert tree(chain(floors.LARGEST_CYCLE)) == []


def test_a_large_cycle_names_its_files(tree):
    (complaint,) = tree(chain(floors.LARGEST_CYCLE + 1))
    assert complaint.startswith("13 files use each other: Core/Flow/F0.swift, Core/Flow/F1.swift, ")


def test_a_folder_needs_a_floor(tree):
    assert tree({"Core/Attic/Box.swift": "struct Box {}\n"}) == [
        "Core/Attic is on no floor: add it to the list in Scripts/floors.py"
    ]


def test_files_beside_the_folders_of_a_module_are_a_floor_too(tmp_path):
    (tmp_path / "Below").mkdir()
    (tmp_path / "Top.swift").write_text("struct Top {}\n")
    (tmp_path / "Below" / "Base.swift").write_text("struct Base { var top: Top }\n")
    assert floors.complaints(tmp_path, [".", "Below"]) == ["Below/Base.swift uses Top of Top.swift, which is above it"]
    assert floors.complaints(tmp_path, ["Below", "."]) == []


@pytest.mark.parametrize("house", floors.HOUSES)
def test_the_floors_of_each_module_are_there(house):
    sources = Path(floors.__file__).resolve().parent.parent / "Sources"
    assert all(any((sources / house / floor).glob("*.swift")) for floor in floors.HOUSES[house])
