import pytest
from tests.pipeline_builders import with_scrapers
from tests.unit.pipelines.lint.linted import findings, places, rules, with_processors

from phoenix_platform.pipelines.lint.regexes import can_never_match
from phoenix_platform.pipelines.lint.statements import conjuncts

NAME = 'resource.attributes["process.executable.name"]'


def filtering(condition: str) -> str:
    return with_processors(filter=f"{{metrics: {{datapoint: ['{condition}']}}}}")


@pytest.mark.parametrize(
    "condition",
    [
        'metric.name == "a" and metric.name == "b"',
        'metric.name == "a" and metric.name != "a"',
        'metric.name != "a" and metric.type == 1 and metric.name == "a"',
        'metric.name == "a" and IsMatch(metric.name, "^b")',
        'IsMatch(metric.name, "^b\\\\.") and metric.name == "ba"',
        'metric.name == nil and metric.name == "b"',
        f'{NAME} == "a and b" and {NAME} == "c"',
    ],
)
def test_a_condition_that_contradicts_itself_is_found(condition: str) -> None:
    assert rules(filtering(condition)) == ["condition-never-true"]


@pytest.mark.parametrize(
    "condition",
    [
        'metric.name == "a"',
        'metric.name == "a" and metric.name == "a"',
        'metric.name == "a" or metric.name == "b"',
        'metric.name == "a" and (metric.name == "a" or metric.name == "b")',
        'metric.name == "a" and metric.type == 1',
        'metric.name == "a" and IsMatch(metric.name, "a")',
        'metric.name == "a" and IsMatch(metric.unit, "b")',
        'metric.type == 1 and IsMatch(metric.type, "b")',
        'metric.name == "a" and IsMatch(metric.name, "(?i)\\\\pL+(?P<")',
        'metric.name == "a" and HasAttr',
        'metric.name == "a',
    ],
)
def test_a_condition_that_may_hold_is_left_alone(condition: str) -> None:
    assert "condition-never-true" not in rules(filtering(condition))


def test_conditions_are_found_wherever_they_stand() -> None:
    never = '''name == "a" and name == "b"'''
    text = with_processors(
        filter__1=f"{{metric_conditions: ['{never}', {{context: metric, conditions: ['{never}']}}, 1]}}",
        filter__2=f"{{logs: {{log_record: '{never}'}}, traces: 1}}",
        transform__1=f"{{metric_statements: [{{context: metric, conditions: ['{never}'], statements: ['set(a, 1) where {never}', 'set(a, 1)']}}, 1]}}",
        transform__2=f"{{log_statements: ['set(a, 1) where {never}']}}",
    )
    assert [component for *_, component in places(text, "condition-never-true")] == [
        "filter/1", "filter/1", "filter/2", "transform/1", "transform/1", "transform/2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a^b", True),
        ("a$b", True),
        ("$a", True),
        ("a^b|c$d", True),
        ("a+^b", True),
        ("[^a]^", True),
        ("a{2}^", False),
        ("a^b|c", False),
        ("^a$", False),
        ("^^a$$", False),
        ("a*^b", False),
        ("a?^b", False),
        ("\\$a", False),
        ("[$]a", False),
        ("(a)^b", False),
        ("a$b?", False),
        ("a$\\b", False),
        ("(?m)a$b", False),
        ("a)^b", False),
        ("", False),
    ],
)
def test_anchors_where_text_must_have_gone_by_never_match(pattern: str, expected: bool) -> None:
    assert can_never_match(pattern) is expected


def test_patterns_are_found_in_conditions_and_in_match_types() -> None:
    text = with_processors(
        filter__1="{metrics: {metric: ['IsMatch(name, \"a$b\")'], include: {match_type: regexp, metric_names: ['a^b', a, 1, 'a^${env:B}']}}}",
        filter__2="{metrics: {exclude: [{match_type: regexp, metric_names: ['a^b'], expression: x}]}}",
    )
    assert [component for *_, component in places(text, "pattern-never-matches")] == [
        "filter/1", "filter/1", "filter/2",
    ]  # fmt: skip


def test_an_escaped_dollar_of_the_configuration_is_one_dollar() -> None:
    assert "pattern-never-matches" not in rules(filtering('IsMatch(metric.name, "a$$")'))
    assert "pattern-never-matches" in rules(filtering('IsMatch(metric.name, "a$$b")'))


def test_names_longer_than_the_kernel_keeps_are_noted() -> None:
    long = "a-process-name-of-24-cha"
    strict = with_scrapers(
        f"{{process: {{include: {{match_type: strict, names: [{long}, short, 1, '${{env:A_LONG_VARIABLE}}']}}, exclude: {{match_type: regexp, names: [{long}]}}}}}}"
    ).document.text
    assert [rule for rule in rules(strict) if rule != "env-not-set"] == ["process-name-too-long"]
    (found,) = findings(filtering(f'{NAME} == "{long}"'))
    assert found.message.startswith(f"{long!r} has 24 characters; the kernel keeps 15")
    assert rules(filtering(f'{NAME} == "{long[:15]}"')) == []


@pytest.mark.parametrize(
    "scrapers", ["{process: }", "{process: {include: 1}}", "{cpu: }", "1", "{process: {include: {match_type: strict}}}"]
)  # fmt: skip
def test_scrapers_of_another_shape_say_nothing(scrapers: str) -> None:
    assert "process-name-too-long" not in rules(with_scrapers(scrapers).document.text)


def test_a_conjunction_is_split_at_its_own_level_only() -> None:
    assert conjuncts('a == "x and y" and (b and c)') == ('a == "x and y"', "(b and c)")
    assert conjuncts("a and b or c") == ()
    assert conjuncts('a == "open and b') == ('a == "open and b',)
