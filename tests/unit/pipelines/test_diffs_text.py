"""The text diff shows everything but secrets."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline_builders import MINIMAL, a_configuration

from phoenix_platform.pipelines.diffs_text import masked_lines, text_diff
from phoenix_platform.pipelines.emission import write_document


def with_exporter(lines: str) -> str:
    """MINIMAL with these lines as its exporter's settings."""
    return MINIMAL.replace("    endpoint: http://vendor.example\n", lines)


def shown(lines: str) -> str:
    return "\n".join(masked_lines(a_configuration(with_exporter(lines)).document))


def test_equal_texts_have_no_difference() -> None:
    assert text_diff(a_configuration(), a_configuration()) == ""


def test_a_difference_is_unified_and_names_both() -> None:
    after = a_configuration(MINIMAL.replace("60s", "30s"), name="b.yaml")
    lines = text_diff(a_configuration(), after).splitlines()
    assert lines[:2] == ["--- a.yaml", "+++ b.yaml"]
    assert "-    collection_interval: 60s" in lines
    assert "+    collection_interval: 30s" in lines


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        pytest.param("    headers:\n      x-tenant: hushhush\n", "      x-tenant: ***", id="block"),
        pytest.param("    headers: {a: hushhush, b: hushhush2}\n", "    headers: {a: ***, b: ***}", id="flow"),
        pytest.param("    api_key: ab # why\n", "    api_key: ***", id="short"),
        pytest.param("    api_key: >-\n      hushhush\n      hushmore\n", "      ***", id="folded"),
        pytest.param('    api_key: "hush\\x68ush"\n', "    api_key: ***", id="escaped"),
        pytest.param("    token: 12345678\n", "    token: ***", id="number"),
        pytest.param("    tokens:\n      - hushhush\n", "      - ***", id="list"),
        pytest.param("    endpoint: https://me:hushhush@vendor.example\n", "    endpoint: https://me:***@vendor.example", id="url"),
        pytest.param("    api_key: ${env:HUSH_KEY}\n", "    api_key: ${env:HUSH_KEY}", id="reference"),
        pytest.param('    headers: {authorization: "Bearer ${env:HUSH_KEY}"}\n', '    headers: {authorization: "Bearer ${env:HUSH_KEY}"}', id="bearer-reference"),
        pytest.param("    tls: {key_file: /etc/key}\n", "    tls: {key_file: /etc/key}", id="path"),
        pytest.param("    api_key: ''\n", "    api_key: ''", id="empty"),
        pytest.param("    api_key:\n      # a word\n      hushhush\n", "      # a word", id="comment"),
    ],
)  # fmt: skip
def test_a_secret_is_masked_where_it_stands(lines: str, line: str) -> None:
    text = shown(lines)
    assert line in text.splitlines()
    assert "hush" not in text
    assert "12345678" not in text


def test_a_secret_in_a_comment_is_masked_too() -> None:
    text = shown("    api_key: hushhush\n    # formerly hushhush\n")
    assert "hush" not in text
    assert "# formerly ***" in text


def test_a_secret_named_by_an_action_or_a_statement_is_masked() -> None:
    text = shown(
        "    endpoint: http://x\nprocessors:\n"
        "  attributes: {actions: [{key: api_key, value: hushhush, action: insert}]}\n"
        '  transform: {trace_statements: [\'set(attributes["api_key"], "hushmore")\', \'set(attributes["a"], "b")\']}\n'
    )
    assert "hush" not in text
    assert 'set(attributes["api_key"], "***")' in text
    assert 'set(attributes["a"], "b")' in text


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(max_codepoint=126), min_size=4, max_size=40))
def test_no_written_secret_is_left(secret: str) -> None:
    value = write_document({"api_key": f"Q{secret}Z"}).rstrip("\n")
    text = shown(f"    {value}\n")
    assert f"Q{secret}Z" not in text
