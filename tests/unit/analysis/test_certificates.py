"""What a certificate is made of, and that nothing in it can change unnoticed."""

import json
from typing import Any, cast

import pytest
from numpy.random import default_rng
from tests.unit.analysis.certified import (
    KEY,
    OTHER_KEY,
    a_certificate,
    a_record,
    one_byte_altered,
    parsed,
    place,
    sections,
    verified,
)

from phoenix_platform.analysis.certificates import (
    hashes_of,
    is_certificate,
    key_id_of,
    make_certificate,
    read_certificate,
    record_of,
    signed_content,
)
from phoenix_platform.analysis.records import judge_again
from phoenix_platform.analysis.verdicts import Verdict
from phoenix_platform.core.canonical_json import canonical_json
from phoenix_platform.core.errors import InvalidInputError

ALTERATIONS = 200


def altered(part: str, key: str, value: Any) -> bytes:
    """Canonical again, but with another value in one section."""
    document = parsed()
    document[part][key] = value
    return canonical_json(document)


# --- a good one


def test_a_certificate_is_verified_and_its_verdict_is_reached_again() -> None:
    found = verified(a_certificate())
    assert found.alterations == ()
    assert (found.verdict, found.recorded_verdict) == (Verdict.PROMOTE, "promote")
    assert found.public_key == KEY.public_key.hex()
    assert found.key_id == key_id_of(KEY.public_key)


def test_the_file_is_canonical_json_and_holds_the_whole_record() -> None:
    document = read_certificate(a_certificate())
    assert canonical_json(document) == a_certificate()
    assert record_of(document) == a_record()
    assert is_certificate(document)
    assert not is_certificate(a_record())
    assert judge_again(record_of(document)).verdict is Verdict.PROMOTE
    assert hashes_of(document) == document["hashes"]
    assert {"record.host", "record.plan", "samples.series"} <= set(document["hashes"])


def test_the_same_record_and_key_give_the_same_bytes() -> None:
    assert make_certificate(a_record(), KEY) == a_certificate()
    assert make_certificate(a_record(), OTHER_KEY) != a_certificate()


def test_integers_that_doubles_would_change_become_text_and_large_doubles_stay() -> None:
    record = a_record(options={"seed": 2**64, "limit": 2**53, "large": 1e300, "whole": 2.0**60})
    content = make_certificate(record, KEY)
    assert verified(content).alterations == ()
    options = read_certificate(content)["record"]["options"]
    assert options == {
        "seed": "18446744073709551616",
        "limit": 2**53,
        "large": 1e300,
        "whole": 2.0**60,
    }


# --- what cannot be certified


def test_a_record_without_a_verdict_has_no_certificate() -> None:
    with pytest.raises(InvalidInputError, match=r"^judgement: the record has none"):
        make_certificate(a_record(judgement=None), KEY)


def test_a_record_that_contradicts_itself_has_no_certificate() -> None:
    record = a_record()
    record["judgement"]["verdict"] = "stop_futile"
    with pytest.raises(InvalidInputError, match=r"^judgement: it does not follow .*verdict: "):
        make_certificate(record, KEY)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"{", "^format: not JSON", id="no-json"),
        pytest.param(b'"\xff"', "^format: not JSON", id="no-utf-8"),
        pytest.param(b"[" * 100_000, "^format: not JSON", id="too-deep"),
        pytest.param(b"[]", "^format: this is no certificate", id="no-object"),
        pytest.param(b'{"format":"phoenix.trial/1"}', "^format: this is no cert", id="a-record"),
        pytest.param(b'{"format":"phoenix.certificate/1"}', "^hashes: missing", id="empty"),
    ],
)
def test_what_is_no_certificate_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read_certificate(content)
    assert verified(content).alterations


# --- 200 alterations of each kind


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_any_altered_byte_is_found_and_located() -> None:
    generator, content = default_rng(20300101), a_certificate()
    for _ in range(ALTERATIONS):
        assert sections(one_byte_altered(generator, 0, len(content)))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_any_altered_byte_of_a_section_is_located_there() -> None:
    generator, keys = default_rng(20300102), sorted(parsed()["hashes"])
    for _ in range(ALTERATIONS):
        key = str(generator.choice(keys))
        start, end = place(key)
        # Inside its brackets: a byte before or behind them may belong to its neighbour.
        content = one_byte_altered(generator, start + 1, max(start + 2, end - 1))
        assert key in sections(content), content[start - 40 : end + 40]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_any_altered_sample_is_found_by_its_column() -> None:
    generator, columns = default_rng(20300103), parsed()["samples"]
    numbers = [key for key, column in columns.items() if _is_numeric(column)]
    for _ in range(ALTERATIONS):
        key = str(generator.choice(numbers))
        row = int(generator.integers(len(columns[key])))
        column = [*columns[key]]
        column[row] += int(generator.choice([-1, 1]))
        assert sections(altered("samples", key, column)) == {f"samples.{key}"}


def _is_numeric(column: Any) -> bool:
    """A list of numbers: neither processes and times, nor what may be missing."""
    return isinstance(column, list) and all(
        isinstance(value, (int, float)) and value is not True
        for value in cast("list[object]", column)
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_any_altered_verdict_is_found_and_the_true_one_is_named() -> None:
    generator = default_rng(20300104)
    for _ in range(ALTERATIONS):
        judgement = {**parsed()["record"]["judgement"]}
        match int(generator.integers(3)):
            case 0:
                judgement["verdict"] = str(
                    generator.choice(["stop_futile", "abort", "invalid", ""])
                )
            case 1:
                judgement["reasons"] = [*judgement["reasons"], "It is good."]
            case _:
                judgement["intervals"] += int(generator.integers(1, 9))
        found = verified(altered("record", "judgement", judgement))
        assert [one.section for one in found.alterations] == ["record.judgement"]
        assert found.verdict is Verdict.PROMOTE


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_any_altered_byte_of_the_key_or_the_signature_is_found() -> None:
    generator, content = default_rng(20300105), a_certificate()
    start = content.rindex(b'"signature":') + len('"signature":') + 1
    for _ in range(ALTERATIONS):
        found = sections(one_byte_altered(generator, start, len(content) - 2))
        assert "signature" in found


# --- alterations by somebody who knows how


def test_a_key_put_in_place_of_the_true_one_is_found() -> None:
    document = parsed()
    document["signature"] |= {
        "public_key": OTHER_KEY.public_key.hex(),
        "key_id": key_id_of(OTHER_KEY.public_key),
    }
    found = verified(canonical_json(document))
    assert [one.section for one in found.alterations] == ["signature"]
    assert "does not belong to these hashes and this key" in found.alterations[0].message


def test_a_key_that_does_not_fit_its_id_is_found() -> None:
    document = parsed()
    document["signature"]["public_key"] = OTHER_KEY.public_key.hex()
    (found,) = verified(canonical_json(document)).alterations
    assert found.message == "the public key and its id do not belong together"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"public_key": 7}, id="a-number"),
        pytest.param({"public_key": "zz"}, id="no-hex"),
        pytest.param({"value": None}, id="no-value"),
        pytest.param({"value": "AB" * 64}, id="capitals"),
        pytest.param({"algorithm": "none"}, id="no-algorithm"),
        pytest.param({"comment": "hello"}, id="one-more-member"),
    ],
)
def test_a_signature_of_another_shape_is_found(change: dict[str, Any]) -> None:
    document = parsed()
    document["signature"] |= change
    assert sections(canonical_json(document)) == {"signature"}


def test_an_altered_hash_is_told_from_an_altered_section() -> None:
    document = parsed()
    document["hashes"]["record.host"] = "sha256:" + "0" * 64
    assert sections(canonical_json(document)) == {"hashes.record.host"}


def test_a_hash_and_its_section_altered_together_break_the_signature() -> None:
    document = parsed()
    document["record"]["host"]["name"] = "another"
    document["hashes"] = hashes_of(document)
    assert sections(canonical_json(document)) == {"signature"}


def test_a_broken_signature_still_tells_which_sections_differ() -> None:
    document = parsed()
    document["record"]["host"]["name"] = "another"
    document["signature"]["value"] = "00" * 64
    assert sections(canonical_json(document)) == {"signature", "record.host"}


def test_sections_that_are_added_or_taken_out_are_found() -> None:
    document = parsed()
    del document["record"]["notes"]
    document["record"]["praise"] = "very good"
    found = {one.section: one.message for one in verified(canonical_json(document)).alterations}
    assert found == {"record.notes": "it is missing", "record.praise": "it was added"}


@pytest.mark.parametrize(
    ("content", "section"),
    [
        pytest.param(a_certificate() + b"\n", "form", id="a-line-end"),
        pytest.param(a_certificate().replace(b",", b", ", 1), "hashes", id="a-space"),
        pytest.param(a_certificate().replace(b"vm", b"\\u0076m", 1), "record.host", id="an-escape"),
        pytest.param(
            a_certificate().replace(b'"id":', b'"id":"x","id":', 1), "record.id", id="a-key-twice"
        ),
        pytest.param(
            a_certificate().replace(b'"samples":{', b'"samples":{ ', 1),
            f"samples.{min(parsed()['samples'])}",
            id="a-space-in-the-samples",
        ),
        pytest.param(
            a_certificate().replace(b',"signature"', b' ,"signature"', 1), "samples", id="between"
        ),
        pytest.param(a_certificate()[:-2] + b" }}", "signature", id="in-the-signature"),
        pytest.param(a_certificate()[:-1] + b',"x":1}', "form", id="a-member"),
        pytest.param(a_certificate()[:-1] + b',"x":NaN}', "form", id="no-json-number"),
        pytest.param(a_certificate() + b"x", "form", id="something-behind"),
    ],
)
def test_what_changes_nothing_in_the_contents_is_found_too(content: bytes, section: str) -> None:
    assert sections(content) == {section}


def test_a_number_without_canonical_json_is_located() -> None:
    content = a_certificate().replace(b'"processors":2', b'"processors":1e999', 1)
    assert sections(content) == {"record.host"}


def test_altered_samples_are_not_judged() -> None:
    columns = parsed()["samples"]
    found = verified(altered("samples", "series", [1] * len(columns["series"])))
    assert (found.verdict, found.recorded_verdict) == (None, "promote")
    assert verified(altered("record", "plan", {})).verdict is None
    assert verified(altered("record", "judgement", None)).recorded_verdict is None


# --- signed, and yet not true


def signed_by_its_maker(**changes: Any) -> bytes:
    """What somebody signs who has the key, without asking whether the verdict follows."""
    document = parsed()
    document["record"] |= changes
    document["hashes"] = hashes_of(document)
    content = signed_content(document["hashes"], KEY.public_key.hex())
    document["signature"]["value"] = KEY.sign(content).hex()
    return canonical_json(document)


def test_a_signed_verdict_that_does_not_follow_from_the_samples_is_found() -> None:
    judgement = parsed()["record"]["judgement"] | {"verdict": "abort"}
    (found,) = verified(signed_by_its_maker(judgement=judgement)).alterations
    assert found.section == "record.judgement"
    assert 'the record says "abort", its samples say "promote"' in found.message
    assert "written by Phoenix 0.1.0" in found.message


@pytest.mark.parametrize("conditions", [{}, {"interval": "PT0S"}])
def test_signed_nonsense_is_no_verdict(conditions: dict[str, Any]) -> None:
    found = verified(signed_by_its_maker(conditions=conditions))
    assert found.verdict is None
    assert found.alterations[0].message.startswith("they cannot be judged: ")


@pytest.mark.parametrize("part", ["hashes", "signature"])
def test_what_cannot_be_read_at_all_is_named(part: str) -> None:
    content = a_certificate().replace(f'"{part}":{{'.encode(), f'"{part}":['.encode(), 1)
    assert sections(content) == {part}
    assert sections(a_certificate()[:-1].replace(f'"{part}":'.encode(), b'"x":', 1)) == {part}


def test_a_part_of_another_shape_cannot_be_read() -> None:
    part = "signature"
    content = a_certificate().replace(f'"{part}":'.encode(), f'"{part}":7,"x":'.encode(), 1)
    assert sections(content + b"x") == {part}
    no_text = a_certificate().replace(b"sha256:", b"sha256:\xff", 1)
    assert sections(no_text) == {"hashes"}


def test_a_file_cut_short_in_its_signature_names_it() -> None:
    assert sections(a_certificate()[:-30]) == {"signature"}


def test_an_unreadable_file_with_a_wrong_signature_names_it() -> None:
    document = json.loads(a_certificate())
    document["signature"]["value"] = "00" * 64
    content = canonical_json(document).replace(b'"processors":2', b'"processors":', 1)
    assert sections(content) == {"signature"}
