import pytest

from phoenix_platform.cli.trial.endings import kept_nothing_sentence
from phoenix_platform.metering.instances import OTHER_NAMES


def test_a_filter_whose_names_do_not_run_here_is_told_with_its_names() -> None:
    sentence = kept_nothing_sentence(["filter/a"], {"nginx", "/^php/"}, {"bash", "my-php"})
    assert sentence == (
        "The candidate took every scrape and let nothing out: none of the names in its filter (filter/a) runs on "
        "this host: /^php/, nginx. Name processes that run here in it, or try it where they run."
    )


def test_of_many_names_the_first_are_listed_and_the_others_counted() -> None:
    sentence = kept_nothing_sentence(["filter/a"], {f"name-{n}" for n in range(30)}, {"bash"})
    assert "host: name-0, name-1, name-10," in sentence
    assert " and 22 more. Name processes" in sentence


@pytest.mark.parametrize(
    ("kept", "running"),
    [
        pytest.param(set[str](), {"bash"}, id="not-by-name"),
        pytest.param({"nginx", "bash"}, {"bash"}, id="one-runs"),
        pytest.param({"/ba.*/"}, {"bash"}, id="an-expression-finds-one"),
        pytest.param({"nginx"}, {"bash", OTHER_NAMES}, id="too-many-names-to-know"),
        pytest.param({r"/\pL/"}, {"bash"}, id="an-expression-only-the-collector-knows"),
        pytest.param({"/(/"}, {"bash"}, id="no-expression"),
    ],
)
def test_what_is_not_sure_to_be_the_names_is_told_of_the_rules(
    kept: set[str], running: set[str]
) -> None:
    sentence = kept_nothing_sentence(["filter/a"], kept, running)
    assert "no process on this host is among those that its rules keep (filter/a)." in sentence
