"""The table of roles in docs/security.md is the one in the code."""

from pathlib import Path

from phoenix_platform.domain.permissions import AGENT_PERMISSIONS, PERMISSIONS_OF, Permission, Role

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN = "tests/architecture/test_security_docs.py prints it anew -->\n"
END = "<!-- /roles -->"


def roles_table() -> str:
    """One row per permission that a role can have, one column per role."""
    rows = [f"| permission | {' | '.join(Role)} |", f"|---|{'---|' * len(Role)}"]
    for permission in Permission:
        if permission not in AGENT_PERMISSIONS:
            marks = ["yes" if permission in PERMISSIONS_OF[role] else "" for role in Role]
            rows.append(f"| `{permission}` | {' | '.join(marks)} |")
    return "\n".join(rows) + "\n"


def test_the_page_shows_the_roles_as_they_are() -> None:
    shown = PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    assert shown == roles_table(), f"put this into {PAGE.name}:\n{roles_table()}"
