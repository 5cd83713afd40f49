import pytest

from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.catalog_effects import Effect, effects

NAMED = {(name, one.profile): one for name, many in effects().entries.items() for one in many}
"""Every effect by its entry and its load profile."""


def test_only_entries_of_the_catalog_have_effects() -> None:
    assert set(effects().entries) == set(catalog.names())


def test_every_entry_was_measured_under_every_load_profile() -> None:
    profiles = {profile for _, profile in NAMED}
    assert len(profiles) == 4
    assert set(NAMED) == {(name, profile) for name in catalog.names() for profile in profiles}


WITHOUT_STOCK = [key for key in NAMED if key[0] != "process-aggregated-stock-v1"]
"""Of the stock recipe the catalog says that it fails at the edges of seconds; the table shows it."""


@pytest.mark.parametrize(("name", "profile"), WITHOUT_STOCK)
def test_what_the_catalog_promises_of_totals_was_seen(name: str, profile: str) -> None:
    broken = sum(total.broken for total in NAMED[name, profile].totals.values())
    assert (broken == 0) is catalog.get(name).totals_preserved


@pytest.mark.parametrize(("name", "profile"), WITHOUT_STOCK)
def test_no_critical_process_was_missed(name: str, profile: str) -> None:
    assert NAMED[name, profile].critical_misses == 0


@pytest.mark.parametrize("effect", NAMED.values())
def test_bounds_of_the_longer_run_lie_around_something(effect: Effect) -> None:
    for saved in (effect.series, effect.points):
        if saved.low is not None and saved.high is not None:
            assert saved.low <= saved.high
