import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phoenix_platform.opamp import opamp_pb2 as pb
from phoenix_platform.opamp.facts import (
    Attribute,
    Component,
    Components,
    ConfigFile,
    ConnectionOffer,
    CustomMessage,
    Description,
    Health,
    Outcome,
    RemoteConfig,
    Status,
)
from phoenix_platform.opamp.translation import (
    components_of,
    config_status_of,
    connection_offer_of,
    connection_status_of,
    custom_message_of,
    description_of,
    health_of,
    remote_config_of,
    to_components,
    to_config_status,
    to_connection_offer,
    to_connection_status,
    to_custom_message,
    to_description,
    to_health,
    to_remote_config,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
attributes: st.SearchStrategy[Attribute] = st.recursive(
    st.none()
    | texts
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=5,
)
attribute_maps = st.dictionaries(texts, attributes, max_size=3)
times = st.integers(0, 2**64 - 1)
descriptions = st.builds(Description, identifying=attribute_maps, other=attribute_maps)
healths: st.SearchStrategy[Health] = st.recursive(
    st.builds(
        Health,
        is_healthy=st.booleans(),
        status=texts,
        error=texts,
        started_unix_nano=times,
        status_unix_nano=times,
    ),
    lambda inner: st.builds(
        Health, is_healthy=st.booleans(), components=st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=4,
)
statuses = st.builds(
    Status, hash=st.binary(max_size=8), outcome=st.sampled_from(Outcome), error=texts
)
configs = st.builds(
    RemoteConfig,
    hash=st.binary(max_size=8),
    files=st.dictionaries(
        texts, st.builds(ConfigFile, body=st.binary(max_size=8), content_type=texts), max_size=3
    ),
)
parts: st.SearchStrategy[Component] = st.recursive(
    st.builds(Component, metadata=attribute_maps),
    lambda inner: st.builds(Component, parts=st.dictionaries(texts, inner, max_size=3)),
    max_leaves=4,
)
components = st.builds(
    Components,
    hash=st.binary(max_size=8),
    parts=st.none() | st.dictionaries(texts, parts, min_size=1, max_size=3),
)


# Drawing nested values is slow on a busy machine, which says nothing about them.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@patient
@given(descriptions)
def test_a_description_reads_back_the_same(description: Description) -> None:
    assert description_of(to_description(description)) == description


@patient
@given(healths)
def test_health_reads_back_the_same(health: Health) -> None:
    assert health_of(to_health(health)) == health


@patient
@given(statuses, configs)
def test_statuses_and_configurations_read_back_the_same(
    status: Status, config: RemoteConfig
) -> None:
    assert config_status_of(to_config_status(status)) == status
    assert connection_status_of(to_connection_status(status)) == status
    assert remote_config_of(to_remote_config(config)) == config


@patient
@given(components)
def test_components_read_back_the_same(built_in: Components) -> None:
    assert components_of(to_components(built_in)) == built_in


@pytest.mark.parametrize(
    "value", [None, "text", True, 7, 0.5, b"bytes", ("a", 1), {"key": {"inner": None}}]
)
def test_an_attribute_of_each_kind_reads_back_the_same(value: Attribute) -> None:
    description = Description(identifying={"attribute": value})
    assert description_of(to_description(description)) == description


@patient
@given(st.builds(CustomMessage, capability=texts, type=texts, data=st.binary()))
def test_a_custom_message_reads_back_the_same(message: CustomMessage) -> None:
    assert custom_message_of(to_custom_message(message)) == message


@patient
@given(
    st.builds(
        ConnectionOffer,
        hash=st.binary(),
        endpoint=texts,
        credential=texts,
        heartbeat_seconds=times,
    )
)
def test_a_connection_offer_reads_back_the_same(offer: ConnectionOffer) -> None:
    assert connection_offer_of(to_connection_offer(offer)) == offer


def test_a_credential_is_a_bearer_token_in_the_authorization_header_and_not_shown() -> None:
    offer = ConnectionOffer(hash=b"1", credential="phx_agt_secret")
    header = to_connection_offer(offer).opamp.headers.headers[0]
    assert (header.key, header.value) == ("Authorization", "Bearer phx_agt_secret")
    assert "secret" not in repr(offer)


def test_other_headers_of_an_offer_are_no_credential() -> None:
    message = to_connection_offer(ConnectionOffer(hash=b"1", credential="one"))
    message.opamp.headers.headers.add(key="X-Other", value="two")
    assert connection_offer_of(message).credential == "one"


def test_a_status_from_the_future_says_nothing() -> None:
    message = pb.RemoteConfigStatus.FromString(b"\x10\x63")  # field 2, the enum, is 99
    assert config_status_of(message).outcome is Outcome.UNSET
