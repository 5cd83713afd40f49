"""Certificates: the record of a verdict in a form in which no byte can change unnoticed.

A certificate is one canonical JSON file (RFC 8785): every section of the record and every column of
the samples has a hash of its own, and the hashes are signed. So whoever reads it can tell which section
was altered, and can reach the verdict again from the samples. Signing and keys are the business of the
caller (`cli.certificates`); this module only says what is signed and what follows from a file.

    {"format": …, "hashes": {"record.host": "sha256:…", "samples.series": …, …},
     "record": {…}, "samples": {…},
     "signature": {"algorithm": "Ed25519", "key_id": …, "public_key": …, "value": …}}
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

from phoenix_platform.analysis.records import differences, judge_again
from phoenix_platform.core.canonical_json import Json, canonical_json
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.hashing import content_hash, sha256_of

FORMAT: Final = "phoenix.certificate/1"
ALGORITHM: Final = "Ed25519"
_KEY_ID_DIGITS: Final = 32
"""128 bits: nobody makes a second key with the id of a given one."""
_MAX_EXACT_INTEGER: Final = 2**53

Document = dict[str, Any]
"""A certificate, parsed."""
IsSigned = Callable[[bytes, bytes, bytes], bool]
"""Whether, by this public key (32 bytes), this signature (64 bytes) belongs to this content."""


class Signer(Protocol):
    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        ...

    def sign(self, content: bytes) -> bytes:
        """64 bytes."""
        ...


def key_id_of(public_key: bytes) -> str:
    """The name of a key: the first 128 bits of the SHA-256 of its public half, in hex."""
    return sha256_of(public_key).removeprefix("sha256:")[:_KEY_ID_DIGITS]


def make_certificate(record: Mapping[str, Any], signer: Signer) -> bytes:
    """The certificate of a record that has a verdict, as the bytes of its file.

    Raises:
        InvalidInputError: If it is no record, has no verdict, or its verdict does not follow from its
            samples.
    """
    if found := differences(record, judge_again(record)):
        raise InvalidInputError(
            f"judgement: it does not follow from the record's samples: {'; '.join(found)}"
        )
    parts = {key: _plain(value) for key, value in record.items() if key != "samples"}
    samples = _plain(record["samples"])
    hashes = hashes_of({"record": parts, "samples": samples})
    return canonical_json(
        {
            "format": FORMAT,
            "hashes": hashes,
            "record": parts,
            "samples": samples,
            "signature": {
                "algorithm": ALGORITHM,
                "key_id": key_id_of(signer.public_key),
                "public_key": signer.public_key.hex(),
                "value": signer.sign(signed_content(hashes, signer.public_key.hex())).hex(),
            },
        }
    )


def hashes_of(document: Mapping[str, Any]) -> dict[str, str]:
    """The hash of every section of the record and of every column of the samples, by its path.

    Raises:
        InvalidInputError: If a section has no canonical JSON.
    """
    return {
        f"{part}.{key}": content_hash(value)
        for part in ("record", "samples")
        for key, value in document[part].items()
    }


def signed_content(hashes: Mapping[str, str], public_key: str) -> bytes:
    """What the signature is of."""
    return canonical_json(
        {"algorithm": ALGORITHM, "format": FORMAT, "hashes": hashes, "public_key": public_key}
    )


def read_certificate(content: bytes) -> Document:
    """The certificate in the bytes of its file, whether or not it is whole.

    Raises:
        InvalidInputError: If it has not the shape of a certificate.
    """
    try:
        document: Any = json.loads(content, parse_int=_number)
    except (ValueError, RecursionError) as error:  # no JSON, no UTF-8, or too deep
        raise InvalidInputError(f"format: not JSON: {error}") from error
    if not isinstance(document, dict) or cast("Document", document).get("format") != FORMAT:
        raise InvalidInputError(f"format: this is no certificate; one says {FORMAT!r}")
    certificate = cast("Document", document)
    for part in ("hashes", "record", "samples", "signature"):
        if not isinstance(certificate.get(part), dict):
            raise InvalidInputError(f"{part}: missing from the certificate, or no JSON object")
    return certificate


def record_of(document: Document) -> Document:
    """The record that a certificate was made from, as `judge_again` and the report read it."""
    return {**document["record"], "samples": document["samples"]}


def is_certificate(document: Mapping[str, Any]) -> bool:
    """Whether a JSON document says that it is a certificate, and not the record of a trial."""
    return document.get("format") == FORMAT


def _number(text: str) -> int | float:
    """Canonical JSON writes large doubles without a point; they are doubles all the same."""
    number = int(text)
    return number if abs(number) <= _MAX_EXACT_INTEGER else float(text)


def _plain(value: object) -> Json:
    """JSON as canonical JSON can spell it: integers that doubles would change become text."""
    match value:
        case dict():
            members = cast("dict[str, object]", value)
            return {key: _plain(member) for key, member in members.items()}
        case list():
            return [_plain(member) for member in cast("list[object]", value)]
        case int() if abs(value) > _MAX_EXACT_INTEGER:
            return str(value)
        case _:
            return cast("Json", value)
