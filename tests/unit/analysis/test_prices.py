from dataclasses import replace
from decimal import Decimal

import pytest

from phoenix_platform.analysis.plans import Objective
from phoenix_platform.analysis.prices import BillingUnit, Confidence, Labels
from phoenix_platform.analysis.prices_catalog import shipped_book, shipped_books, text_of
from phoenix_platform.analysis.prices_parsing import parse_price_book
from phoenix_platform.core.errors import InvalidInputError, NotFoundError

OWN = """\
format: phoenix.prices/1
name: own
vendor: Our contract
dated: 2026-11-25
currency: EUR
summary: points
identity:
  labels: all_attributes
  note: all
  source: our contract
  confidence: sure
tariffs:
  - name: points
    title: points ingested
    unit: points
    unit_name: million points
    unit_confidence: sure
    unit_source: our contract
    per: 1_000_000
    free:
      units: 5_000_000
      of: account
      source: our contract
      confidence: sure
      seen: 2026-11
    accuracy:
      low: "0.9"
      high: "1.1"
      source: last year's bills
    prices:
      - {above: 0, amount: "0.08", source: our contract, confidence: sure, seen: 2026-11-25}
      - {above: 10_000_000, amount: 0, source: our contract, confidence: sure, seen: 2026-11}
notes: [none]
"""

NAMES = [
    "azure-managed-prometheus",
    "cloudwatch",
    "datadog",
    "datadog-metric-names",
    "dynatrace",
    "google-managed-prometheus",
    "grafana-cloud",
    "new-relic",
    "prometheus",
    "signoz",
]


def refusal_of(text: str) -> str:
    with pytest.raises(InvalidInputError) as caught:
        parse_price_book(text, name="own.yaml")
    return str(caught.value)


def test_the_books_that_ship_are_those_of_the_vendors_we_know() -> None:
    assert [book.name for book in shipped_books()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_book_that_ships_is_found_by_the_name_of_its_file(name: str) -> None:
    book = shipped_book(name)
    assert parse_price_book(text_of(book), name=name) == book


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_known_has_no_amount_and_what_is_known_has_a_source(name: str) -> None:
    for tariff in shipped_book(name).tariffs:
        for price in tariff.prices:
            assert (price.amount is None) == (price.confidence is Confidence.UNKNOWN)
            assert price.source
            assert price.seen


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(NotFoundError, match="did you mean new-relic"):
        shipped_book("newrelic")
    with pytest.raises(NotFoundError, match="there are azure-managed-prometheus, cloudwatch"):
        shipped_book("zzz")


@pytest.mark.parametrize(
    ("name", "objective"),
    [
        ("new-relic", Objective.BYTES),
        ("dynatrace", Objective.POINTS),
        ("datadog", Objective.SERIES),
        ("datadog-metric-names", Objective.SERIES),
        ("prometheus", Objective.SERIES),
    ],
)
def test_a_book_says_what_a_candidate_must_save(name: str, objective: Objective) -> None:
    assert shipped_book(name).objective is objective


def test_every_unit_has_an_objective() -> None:
    assert BillingUnit.OTLP_BYTES.objective is Objective.BYTES
    assert {unit.objective for unit in BillingUnit} == set(Objective)


def test_prometheus_makes_labels_of_point_attributes_only() -> None:
    assert shipped_book("prometheus").identity.labels is Labels.POINT_ATTRIBUTES


def test_an_own_book_is_read_to_the_last_digit() -> None:
    tariff = parse_price_book(OWN, name="own.yaml").tariffs[0]
    assert [price.amount for price in tariff.prices] == [Decimal("0.08"), Decimal(0)]
    assert tariff.free is not None
    assert tariff.free.units == 5_000_000
    assert tariff.accuracy is not None
    assert tariff.accuracy.high == Decimal("1.1")


def test_the_hash_is_of_the_content_not_of_its_spelling() -> None:
    book = parse_price_book(OWN, name="own.yaml")
    spelled = parse_price_book(OWN.replace("notes: [none]", "# mine\nnotes:\n  - none"), name="x")
    dearer = parse_price_book(OWN.replace("0.08", "0.09"), name="own.yaml")
    assert book.hash == spelled.hash != dearer.hash


def test_the_confidence_of_an_amount_is_that_of_its_weakest_part() -> None:
    tariff = parse_price_book(OWN, name="own.yaml").tariffs[0]
    assert tariff.confidence is Confidence.SURE
    weak = replace(tariff, unit_confidence=Confidence.UNVERIFIED)
    assert weak.confidence is Confidence.UNVERIFIED
    assert replace(weak, free=None).confidence is Confidence.UNVERIFIED
    assert replace(tariff, prices=()).confidence is Confidence.UNKNOWN


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            "phoenix.prices/1",
            "phoenix.prices/2",
            "own.yaml:1:1: format: 'phoenix.prices/2'; write phoenix.prices/1",
            id="format",
        ),
        pytest.param(
            "name: own",
            "name: Own Book",
            "own.yaml:2:1: name: 'Own Book'; write lower-case letters, digits and hyphens",
            id="name",
        ),
        pytest.param(
            "currency: EUR\n",
            "",
            "own.yaml:1:1: currency is missing; write a text, in quotes if it looks like a number",
            id="missing",
        ),
        pytest.param(
            "dated: 2026-11-25",
            "dated: yesterday",
            "own.yaml:4:1: dated: 'yesterday'; write a day like 2026-11-25",
            id="day",
        ),
        pytest.param(
            "dated: 2026-11-25",
            "dated: 2026-11-31",
            "own.yaml:4:1: dated: '2026-11-31'; no such day; write a day like 2026-11-25",
            id="day-that-is-not",
        ),
        pytest.param(
            "seen: 2026-11\n",
            "seen: 2026-13\n",
            "own.yaml:25:7: tariffs.0.free.seen: '2026-13'; no such day; write a month or a day like 2026-05",
            id="month-that-is-not",
        ),
        pytest.param(
            "summary: points",
            "summary: 5",
            "own.yaml:6:1: summary: 5; write a text, in quotes if it looks like a number",
            id="text",
        ),
        pytest.param(
            'amount: "0.08"',
            "amount: 0.08",
            'own.yaml:31:20: tariffs.0.prices.0.amount: 0.08; write it in quotes, with a point: "0.40"',
            id="binary-fraction",
        ),
        pytest.param(
            'amount: "0.08"',
            'amount: "-1"',
            "own.yaml:31:20: tariffs.0.prices.0.amount: '-1'; write it in quotes, with a point: \"0.40\"",
            id="negative-price",
        ),
        pytest.param(
            'amount: "0.08"',
            "amount: true",
            'own.yaml:31:20: tariffs.0.prices.0.amount: True; write it in quotes, with a point: "0.40"',
            id="price-of-another-type",
        ),
        pytest.param(
            'amount: "0.08"',
            "amount: unknown",
            "own.yaml:31:59: tariffs.0.prices.0.confidence: 'sure'; unknown goes with `amount: unknown`, and only with it",
            id="sure-of-an-unknown-price",
        ),
        pytest.param(
            "unit: points",
            "unit: data points",
            "own.yaml:15:5: tariffs.0.unit: 'data points'; write one of stored_bytes, otlp_bytes, points, "
            "hourly_series, active_series, label_series, metric_names",
            id="unit",
        ),
        pytest.param(
            "per: 1_000_000",
            "per: 250",
            "own.yaml:19:5: tariffs.0.per: 250; write a power of ten, so that amounts are exact: 1, 100, 1000000",
            id="per",
        ),
        pytest.param(
            "per: 1_000_000",
            "per: many",
            "own.yaml:19:5: tariffs.0.per: 'many'; write a whole number, 0 or more, like 10_000",
            id="count",
        ),
        pytest.param(
            "above: 10_000_000",
            "above: 0",
            "own.yaml:30:5: tariffs.0.prices: [{'above': 0, 'amount': '0.08', 'source': 'our contract', 'c…; "
            "the first must be above 0, each next above more units",
            id="boundaries",
        ),
        pytest.param(
            'low: "0.9"',
            'low: "1.05"',
            "own.yaml:27:7: tariffs.0.accuracy.low: '1.05'; write factors around 1: low at most 1, high at least 1",
            id="accuracy",
        ),
        pytest.param(
            "notes: [none]",
            "notes: none",
            "own.yaml:33:1: notes: 'none'; write a list of texts",
            id="notes",
        ),
        pytest.param(
            "notes: [none]",
            "note: none",
            "own.yaml:33:1: note: 'none'; unknown field; known are currency, dated, format, identity, name, "
            "notes, summary, tariffs, vendor",
            id="unknown-field",
        ),
        pytest.param(
            "notes: [none]",
            "notes: [1]",
            "own.yaml:33:1: notes: [1]; write a list of texts",
            id="note-that-is-no-text",
        ),
        pytest.param(
            "    per: 1_000_000",
            "    included_points_per_minute: 1\n    per: 1_000_000",
            "own.yaml:19:5: tariffs.0.included_points_per_minute: 1; belongs to the unit active_series and to no other",
            id="included-points-of-another-unit",
        ),
        pytest.param(
            "    unit: points",
            "    included_points_per_name: 0\n    unit: metric_names",
            "own.yaml:15:5: tariffs.0.included_points_per_name: 0; write a number above 0",
            id="included-nothing",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_fix(old: str, new: str, message: str) -> None:
    assert old in OWN
    assert refusal_of(OWN.replace(old, new, 1)) == message


def test_a_book_without_tariffs_is_refused() -> None:
    text = OWN[: OWN.index("tariffs:")]
    assert "tariffs is missing; write a list" in refusal_of(text)
    assert refusal_of(text + "tariffs: []").startswith(
        "own.yaml:12:1: tariffs: []; give at least one"
    )
    assert "tariffs.0: not a mapping: 'x'" in refusal_of(text + "tariffs: [x]")
    assert refusal_of("[]").startswith("own.yaml:1:1: the document: not a mapping: ()")


def test_two_tariffs_of_one_name_are_refused() -> None:
    tariff = OWN[OWN.index("  - name: points") : OWN.index("notes:")]
    assert "two have the same name" in refusal_of(OWN.replace("notes:", f"{tariff}notes:"))
