"""Content hashes, spelled with their algorithm so that another may come later."""

import hashlib

from phoenix_platform.core.canonical_json import Json, canonical_json


def sha256_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def content_hash(value: Json) -> str:
    """The hash of a value's canonical JSON: equal values have one hash, however they are written."""
    return sha256_of(canonical_json(value))
