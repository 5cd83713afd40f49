"""A certificate of a made-up run, and ways to alter it."""

import json
from functools import cache
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.random import Generator
from tests.unit.analysis.runs import AT_END, PLAN, run

from phoenix_platform.agent.signing_keys import SigningKey, is_signed
from phoenix_platform.analysis.certificates import Document, make_certificate
from phoenix_platform.analysis.records import FORMAT
from phoenix_platform.analysis.verdicts import judge
from phoenix_platform.analysis.verifications import Verification, verify_certificate
from phoenix_platform.core.canonical_json import canonical_json
from phoenix_platform.metering.sample_columns import columns_of

KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER_KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))


def a_record(**changes: Any) -> dict[str, Any]:
    """A record as it lies on the disk."""
    samples = run(106)
    record = {
        "format": FORMAT,
        "id": "0198",
        "phoenix_version": "0.1.0",
        "host": {"name": "vm", "processors": 2},
        "plan": PLAN,
        "conditions": AT_END,
        "variants": {"baseline": {"name": "old"}, "candidate": {"name": "new"}},
        "notes": ["Grüße", 'a "quoted" name'],
        "samples": columns_of(samples),
        "judgement": judge(samples, PLAN, AT_END),
    }
    decoded: dict[str, Any] = json.loads(msgspec.json.encode(record | changes))
    return decoded


@cache
def a_certificate() -> bytes:
    return make_certificate(a_record(), KEY)


def parsed() -> Document:
    document: Document = json.loads(a_certificate())
    return document


def verified(content: bytes) -> Verification:
    return verify_certificate(content, is_signed)


def sections(content: bytes) -> set[str]:
    """What was altered, as the verification names it."""
    return {one.section for one in verified(content).alterations}


def one_byte_altered(generator: Generator, first: int, last: int) -> bytes:
    """The certificate with one byte replaced, taken out or put in, somewhere in that range."""
    content, at = bytearray(a_certificate()), int(generator.integers(first, last))
    match int(generator.integers(3)):
        case 0:
            content[at] = (content[at] + int(generator.integers(1, 256))) % 256
        case 1:
            del content[at]
        case _:
            content.insert(at, int(generator.integers(256)))
    return bytes(content)


def place(key: str) -> tuple[int, int]:
    """Where a section's content lies in the file, its quotes or brackets included."""
    content, document = a_certificate(), parsed()
    part, _, name = key.partition(".")
    value = canonical_json(document[part][name])
    start = content.index(canonical_json(name) + b":" + value) + len(canonical_json(name)) + 1
    return start, start + len(value)
