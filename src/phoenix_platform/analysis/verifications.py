"""Whether a certificate is as it was signed, what was altered if not, and what its samples say.

`cli.certificates` calls this with the bytes of a file. Everything is compared byte by byte: the file
must be exactly the sections that were signed, in canonical form, with nothing between them.
"""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from phoenix_platform.analysis.certificates import (
    ALGORITHM,
    Document,
    IsSigned,
    hashes_of,
    key_id_of,
    read_certificate,
    record_of,
    signed_content,
)
from phoenix_platform.analysis.records import differences, judge_again
from phoenix_platform.analysis.verdicts import Verdict
from phoenix_platform.core.canonical_json import canonical_json
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.hashing import sha256_of

_DECODER: Final = json.JSONDecoder()
_KEYS: Final = {"format", "hashes", "record", "samples", "signature"}
_PARTS: Final = ("record", "samples")
"""With a hash for each of their members."""
_SIGNATURE_KEYS: Final = {"algorithm", "key_id", "public_key", "value"}


@dataclass(frozen=True, slots=True)
class Alteration:
    """One thing that is not as it was signed."""

    section: str
    """`record.host`, `samples.series`, `hashes`, `signature`, …; `form` for what is between them."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    alterations: tuple[Alteration, ...]
    """Empty if every byte is as it was signed, and the verdict follows from the samples."""
    key_id: str | None
    """Of the key in the file; None if there is none that can be read."""
    public_key: str | None
    recorded_verdict: str | None
    verdict: Verdict | None
    """Reached again from the samples as they are in the file; None if they cannot be judged."""


def verify_certificate(content: bytes, is_signed: IsSigned) -> Verification:
    """Compare the bytes of a file with what was signed, and judge its samples again.

    The samples are judged where they and the plan are as they were signed.
    """
    try:
        document = read_certificate(content)
    except InvalidInputError as error:
        return Verification(
            alterations=tuple(_unreadable(content, str(error), is_signed)),
            key_id=None,
            public_key=None,
            recorded_verdict=None,
            verdict=None,
        )
    found = _alterations(content, document, is_signed)
    recorded, verdict = _recorded_verdict(document), None
    if not any(_is_judged(one) for one in found):
        verdict, contradictions = _judged(document)
        found = found or contradictions
    public_key = _hex(document["signature"].get("public_key"))
    return Verification(
        alterations=tuple(found),
        key_id=None if public_key is None else key_id_of(public_key),
        public_key=None if public_key is None else public_key.hex(),
        recorded_verdict=recorded,
        verdict=verdict,
    )


def _alterations(content: bytes, document: Document, is_signed: IsSigned) -> list[Alteration]:
    hashes, signature = document["hashes"], document["signature"]
    actual = _actual_hashes(document)
    differing = sorted(name for name in {*hashes, *actual} if hashes.get(name) != actual.get(name))
    if _is_signature_whole(hashes, signature, is_signed):
        sections = [_altered_section(name, hashes, actual) for name in differing]
        return sections or _form_alterations(content, document)
    if _is_signature_whole(actual, signature, is_signed):
        return [
            Alteration(f"hashes.{name}", "it is not the hash that was signed") for name in differing
        ]
    public_key = _hex(signature.get("public_key"))
    is_of_key = public_key is not None and key_id_of(public_key) == signature.get("key_id")
    message = (
        "it does not belong to these hashes and this key"
        if is_of_key
        else "the public key and its id do not belong together"
    )
    sections = [_altered_section(name, hashes, actual) for name in differing]
    return [Alteration("signature", message), *sections]


def _altered_section(
    name: str, hashes: Mapping[str, Any], actual: Mapping[str, str | None]
) -> Alteration:
    if name not in actual:
        return Alteration(name, "it is missing")
    return Alteration(name, "it is not what was signed" if name in hashes else "it was added")


def _actual_hashes(document: Document) -> dict[str, str | None]:
    """The hash of every section; None for what cannot be spelled canonically."""
    hashes: dict[str, str | None] = {}
    for part in _PARTS:
        for key, value in document[part].items():
            try:
                hashes |= hashes_of({"record": {}, "samples": {}, part: {key: value}})
            except InvalidInputError:
                hashes[f"{part}.{key}"] = None
    return hashes


def _is_judged(alteration: Alteration) -> bool:
    """Whether the verdict depends on what was altered."""
    is_sample = alteration.section.startswith("samples")
    judged = {"record.answers", "record.conditions", "record.format", "record.plan"}
    return is_sample or alteration.section in judged


def _recorded_verdict(document: Document) -> str | None:
    judgement: Any = document["record"].get("judgement")
    known = cast("dict[str, Any]", judgement) if isinstance(judgement, dict) else {}
    verdict = known.get("verdict")
    return verdict if isinstance(verdict, str) else None


def _judged(document: Document) -> tuple[Verdict | None, list[Alteration]]:
    """The verdict that the samples lead to, and where the recorded judgement differs from theirs."""
    record = record_of(document)
    try:
        again = judge_again(record)
        found = differences(record, again)
    except (InvalidInputError, ArithmeticError, TypeError, ValueError) as error:  # signed nonsense
        return None, [Alteration("samples", f"they cannot be judged: {error}")]
    by = f"(it was written by Phoenix {record.get('phoenix_version')})"
    return again.verdict, [Alteration("record.judgement", f"{one} {by}") for one in found]


def _unreadable(content: bytes, message: str, is_signed: IsSigned) -> list[Alteration]:
    """The file cannot be read as a whole; its parts may still say where it was altered."""
    hashes, signature = _part(content, "hashes"), _part(content, "signature")
    if hashes is None:
        return [Alteration("hashes", f"they cannot be read; {message}")]
    if signature is None:
        return [Alteration("signature", f"it cannot be read; {message}")]
    if not _is_signature_whole(hashes, signature, is_signed):
        return [Alteration("signature", f"it does not belong to these hashes; {message}")]
    return [
        Alteration(path, f"it is not what was signed; {message}")
        for path, digest in sorted(hashes.items())
        if not _holds(content, path, digest)
    ] or [Alteration("form", message)]


def _is_signature_whole(
    hashes: Mapping[str, Any], signature: Mapping[str, Any], is_signed: IsSigned
) -> bool:
    public_key, value = _hex(signature.get("public_key")), _hex(signature.get("value"))
    return (
        set(signature) == _SIGNATURE_KEYS
        and signature["algorithm"] == ALGORITHM
        and public_key is not None
        and value is not None
        and signature["key_id"] == key_id_of(public_key)
        and is_signed(public_key, value, signed_content(hashes, public_key.hex()))
    )


def _holds(content: bytes, path: str, digest: object) -> bool:
    """Whether somewhere in the file a member of this name has a value of this hash."""
    return any(
        sha256_of(content[start:end]) == digest for start, end in _members(content, _key_of(path))
    )


def _form_alterations(content: bytes, document: Document) -> list[Alteration]:
    """Every section is whole: then only what joins them can be altered."""
    try:
        expected = canonical_json(document)
    except InvalidInputError as error:
        return [Alteration("form", str(error))]
    if set(document) != _KEYS:
        return [Alteration("form", f"unknown members: {', '.join(sorted(set(document) - _KEYS))}")]
    if content == expected:
        return []
    pairs = zip(content, expected, strict=False)
    at = next(
        (number for number, (one, other) in enumerate(pairs) if one != other),
        min(len(content), len(expected)),
    )
    return [Alteration(_section_at(expected, at), f"byte {at} is not as in canonical JSON")]


def _section_at(canonical: bytes, at: int) -> str:
    """The section that a byte of a canonical certificate belongs to; `form` for what is behind all."""
    end = 1  # the opening bracket
    document: dict[str, Any] = json.loads(canonical)
    for part, value in document.items():
        members: Collection[tuple[str, Any]] = value.items() if part in _PARTS else ()
        end += len(canonical_json(part)) + 2 * bool(members)
        for key, member in members:
            end += len(canonical_json(key)) + len(canonical_json(member)) + 2
            if at < end:
                return f"{part}.{key}"
        end += 1 if members else len(canonical_json(value)) + 2
        if at < end:
            return part
    return "form"


def _part(content: bytes, key: str) -> dict[str, Any] | None:
    """The first member of this name that can be read as an object."""
    for start, end in _members(content, key):
        try:
            value: Any = json.loads(content[start:end])
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return cast("dict[str, Any]", value)
    return None


def _members(content: bytes, key: str) -> list[tuple[int, int]]:
    """Where the values of members of this name begin and end, as far as they can be read as JSON."""
    # Latin-1 gives every byte a character, so that places in the text are places in the file.
    text, marker = content.decode("latin-1"), f'"{key}":'
    found: list[tuple[int, int]] = []
    at = text.find(marker)
    while at >= 0:
        start = at + len(marker)
        with suppress(ValueError, RecursionError):
            found.append((start, _DECODER.raw_decode(text, start)[1]))
        at = text.find(marker, start)
    return found


def _key_of(path: str) -> str:
    key = canonical_json(path.partition(".")[2]).decode("utf-8")[1:-1]
    return key.encode().decode("latin-1")


def _hex(value: object) -> bytes | None:
    """Bytes of lower-case hex, the one spelling that is canonical."""
    try:
        found = bytes.fromhex(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.hex() == value else None
