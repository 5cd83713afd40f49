"""The API's description as bytes, made once and served to everybody."""

from dataclasses import dataclass


@dataclass(slots=True)
class ApiDescription:
    """Filled while the application is made, as the document lists the very routes that serve it."""

    document: bytes = b""
    """OpenAPI 3.1, JSON."""
    page: bytes = b""
    """HTML."""
