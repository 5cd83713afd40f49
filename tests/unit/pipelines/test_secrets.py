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


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        pytest.param(
            'failed, "api-key": "abc", token=def',
            'failed, "api-key": "***", token=***',
            id="several",
        ),
        pytest.param("client_secret=abc next", "client_secret=*** next", id="end-of-a-longer-name"),
        pytest.param("DD_API_KEY=abc", "DD_API_KEY=***", id="middle-of-a-longer-name"),
        pytest.param("passphrase: abc", "passphrase: ***", id="as-in-configurations"),
        pytest.param("Authorization: Bearer abc", "Authorization: ***", id="scheme"),
        pytest.param('{"authorization": "Basic abc"}', '{"authorization": "***"}', id="json"),
        pytest.param("password: 'two words' end", "password: '***' end", id="words-in-quotes"),
        pytest.param(r'"password": "a\"b" end', r'"password": "***" end', id="quote-in-quotes"),
        pytest.param(r"{\"token\": \"a b\"}", r"{\"token\": \"***\"}", id="json-in-json"),
        pytest.param('token: "never closed', 'token: "***', id="open-quote"),
        pytest.param("token: a=b secret: c", "token: *** secret: ***", id="name-in-a-value"),
        pytest.param("a::headers::x-api-key: abc", "a::headers::x-api-key: ***", id="below-a-path"),
    ],
)
def test_a_line_of_a_log_is_masked_after_the_name_of_a_secret(line: str, shown: str) -> None:
    assert masked_text(line) == shown


@pytest.mark.parametrize(
    "line",
    [
        "exporters::otlp_http/secret::endpoint: must be set",
        "token_file: /etc/token",
        'routing_key: "resource"',
        "unexpected token",
        'token: ""',
        "token: ,",
        "",
    ],
)
def test_a_line_without_a_secret_stays_as_it_is(line: str) -> None:
    assert masked_text(line) == line
