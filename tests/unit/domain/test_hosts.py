"""Hosts as values: facts, quarantine, enrolment tokens."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from tests.unit.domain.experiments import NOON, TENANT, WEB, a_host

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.hosts import EnrollmentToken, Fact, FactName, Quarantined
from phoenix_platform.domain.pipelines import MAX_TEXT_BYTES, Pipeline, PipelineId, PipelineVersion
from phoenix_platform.domain.tenants import Tenant

TOKEN = EnrollmentToken(
    id=UUID(int=41),
    tenant_id=TENANT,
    token_hash="sha256:x",
    labels={},
    created_at=NOON,
    expires_at=NOON + timedelta(hours=1),
)


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 254])
def test_a_host_has_a_name_that_can_be_read(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^name: "):
        a_host(name=name)


def test_a_fact_that_is_known_keeps_its_time() -> None:
    known = a_host().with_fact(FactName.APPLIED, Fact("sha256:a", NOON))
    later = Fact("sha256:a", NOON + timedelta(minutes=1))
    assert known.with_fact(FactName.APPLIED, later) is known
    changed = known.with_fact(FactName.APPLIED, replace(later, hash="sha256:b"))
    assert changed.facts[FactName.APPLIED].hash == "sha256:b"


def test_a_host_is_away_once_nothing_was_heard_for_too_long() -> None:
    minute = timedelta(minutes=1)
    assert a_host().is_away(NOON, after=minute)
    heard = a_host(last_seen_at=NOON)
    assert not heard.is_away(NOON + minute, after=minute)
    assert heard.is_away(NOON + 2 * minute, after=minute)


def test_labels_are_replaced_as_a_whole() -> None:
    assert a_host(labels={"env": "prod"}).relabelled({"tier": "web"}).labels == {"tier": "web"}


def test_a_released_hash_leaves_the_quarantine_alone() -> None:
    bad, worse = (Quarantined(hash=name, at=NOON, reason="exit 1") for name in ("bad", "worse"))
    assert a_host(quarantine=(bad, worse)).released("bad").quarantine == (worse,)


def test_an_enrolment_token_lets_one_host_in_in_time() -> None:
    used = TOKEN.use(WEB, NOON)
    assert (used.used_by, used.used_at) == (WEB, NOON)
    with pytest.raises(InvalidInputError, match=r"^token: it was used already"):
        used.use(WEB, NOON)
    with pytest.raises(InvalidInputError, match=r"^token: it expired"):
        TOKEN.use(WEB, TOKEN.expires_at)


@pytest.mark.parametrize("name", ["", "Team", "-a", "a" * 64, "a b"])
def test_a_tenant_has_a_name_for_addresses(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^name: .* is no tenant name"):
        Tenant(id=TENANT, name=name, created_at=NOON)


def test_a_pipeline_has_a_name_for_references() -> None:
    with pytest.raises(InvalidInputError, match=r"^name: 'a@1' is no pipeline name"):
        Pipeline(id=PipelineId(UUID(int=51)), tenant_id=TENANT, name="a@1", created_at=NOON)


def test_a_configuration_has_a_largest_size() -> None:
    with pytest.raises(InvalidInputError, match=r"^text: .* bytes; a configuration may have"):
        PipelineVersion(
            pipeline_id=PipelineId(UUID(int=51)),
            tenant_id=TENANT,
            number=1,
            hash="sha256:x",
            text="#" * (MAX_TEXT_BYTES + 1),
            created_at=NOON,
            created_by="Ada",
        )
