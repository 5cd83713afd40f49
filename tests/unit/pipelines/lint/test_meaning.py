import pytest
from tests.unit.pipelines.lint.linted import with_processors

from phoenix_platform.pipelines.lint.meaning import means_the_same

TEXT = with_processors(batch="{}", filter="{}")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[batch, filter]", "[filter, batch]", True),
        ("host_metrics", "hostmetrics", True),
        ("batch: {}", "batch: {timeout: 1s}", False),
        ("[batch, filter]", "[batch]", False),
        ("[otlp_http]", "[otlp_grpc]", False),
        ("metrics:", "traces:", False),
        ("batch: {}", "batch: {", False),
    ],
)
def test_only_spelling_and_order_may_change(old: str, new: str, expected: bool) -> None:
    assert means_the_same(TEXT, TEXT.replace(old, new), name="a.yaml") is expected
