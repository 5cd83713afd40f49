import pytest

from phoenix_platform.pipelines.secrets import is_secret_key, is_surely_secret, masked, masked_text


@pytest.mark.parametrize(
    ("key", "may_be", "is_surely"),
    [
        ("api-key", True, True),
        ("DD_APIKEY", True, True),
        ("Authorization", True, True),
        ("signalfx_access_token", True, True),
        ("password", True, True),
        ("client_secret", True, True),
        ("key_pem", True, True),
        ("X-Honeycomb-Key", True, True),
        ("connection_string", True, True),
        ("headers", True, False),
        ("token_url", True, False),
        ("password_file", False, False),
        ("routing_key", False, False),
        ("authenticator", False, False),
        ("key", False, False),
        ("keys", False, False),
        ("endpoint", False, False),
    ],
)
def test_what_a_secrets_key_looks_like(key: str, may_be: bool, is_surely: bool) -> None:
    assert (is_secret_key(key), is_surely_secret(key)) == (may_be, is_surely)


def test_a_configuration_is_masked_wherever_a_secret_may_be() -> None:
    config = {"a": [{"token": "t", "endpoint": "e"}, 1], "headers": {"x": "y"}}
    assert masked(config) == {"a": [{"token": "***", "endpoint": "e"}, 1], "headers": "***"}


def test_a_line_of_a_log_is_masked_after_the_name_of_a_secret() -> None:
    assert (
        masked_text('failed, "api-key": "abc", token=def') == 'failed, "api-key": "***", token=***'
    )
