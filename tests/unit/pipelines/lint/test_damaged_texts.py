"""Whatever stands in a file, lint says something and does not fall."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.pipelines.lint.linted import mended, with_processors

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.configurations import read_configuration
from phoenix_platform.pipelines.lint.linting import fixed, lint
from phoenix_platform.pipelines.lint.meaning import means_the_same

TEXTS = (
    *(entry.text for entry in catalog.entries()),
    with_processors(
        batch="{}",
        cumulativetodelta="&d {<<: [{initial_value: drop}], include: *d0}".replace(
            "*d0", "{match_type: strict}"
        ),
        filter="""{metrics: {datapoint: ['metric.name == "a" and IsMatch(metric.name, "b$c")']}}""",
        transform="{metric_statements: ['delete_key(resource.attributes, \"process.pid\")', 'set(a, ${env:A:-010})']}",
        memory_limiter="{}",
    ),
)
PIECES = ("\n", " ", ":", "- ", "{", "}", "[", "]", "'", '"', "&a ", "*a", "<<: ", "!t ", "#", "$", "${env:A}",
          "\x85", "\u2028", "\ufeff", "\t", "null", "7", "/", "service:", "\r")  # fmt: skip

damages = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(PIECES)), min_size=1, max_size=6
)


def damaged(text: str, changes: list[tuple[float, int, str]]) -> str:
    for at, gone, piece in changes:
        offset = int(at * len(text))
        text = text[:offset] + piece + text[offset + gone :]
    return text


@pytest.mark.timeout(180)
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(TEXTS), damages)
def test_no_damage_makes_lint_fall_or_a_fix_change_the_meaning(
    text: str, changes: list[tuple[float, int, str]]
) -> None:
    broken = damaged(text, changes)
    found = lint(broken, name="a.yaml", version=(0, 161, 0))
    lines = len(broken.splitlines()) + 1
    assert all(1 <= one.line <= lines and one.column >= 1 and one.message for one in found)
    after = fixed(broken, name="a.yaml", version=(0, 161, 0))
    try:
        read_configuration(broken, name="a.yaml")
    except InvalidInputError:
        assert after == broken
    else:
        assert means_the_same(broken, after, name="a.yaml")


@pytest.mark.timeout(180)
@settings(deadline=None, max_examples=60)
@given(st.text(alphabet=st.sampled_from([*"abservicp:{}[]&*!,-'\"#\n $/<|>"]), max_size=60))
def test_no_text_makes_lint_fall(text: str) -> None:
    lint(text, name="a.yaml")


@pytest.mark.parametrize("minor", [100, 150, 161])
def test_what_is_fixed_needs_no_fix(minor: int) -> None:
    for text in TEXTS:
        once = mended(text, version=(0, minor, 0))
        assert mended(once, version=(0, minor, 0)) == once
