"""A folder of tests that nothing runs proves nothing."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_make_test_names_every_folder_of_tests() -> None:
    script = (ROOT / "scripts" / "test.sh").read_text("utf-8").split()
    folders = {
        path.relative_to(ROOT / "tests").parts[0] for path in ROOT.glob("tests/*/**/test_*.py")
    }
    assert [folder for folder in sorted(folders) if f"tests/{folder}" not in script] == []
