"""A folder of tests that nothing runs proves nothing."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_make_test_or_a_target_of_its_own_names_every_folder_of_tests() -> None:
    names = ("test.sh", "interop.sh")
    script = " ".join((ROOT / "scripts" / name).read_text("utf-8") for name in names).split()
    folders = {
        path.relative_to(ROOT / "tests").parts[0] for path in ROOT.glob("tests/*/**/test_*.py")
    }
    assert [folder for folder in sorted(folders) if f"tests/{folder}" not in script] == []
