"""Writes a report beside its record. `phoenix report` and the end of `phoenix trial` call this."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from phoenix_platform.cli.reports.page import page_of
from phoenix_platform.cli.reports.subjects import subject_of
from phoenix_platform.core.errors import InvalidInputError


def default_path(record: Path) -> Path:
    """`trial.json` becomes `trial.html`."""
    return record.with_suffix(".html")


def write_report(record: Mapping[str, Any], *, file_name: str, target: Path) -> None:
    """Put the report there in one step: a reader sees the old one or the new one.

    Raises:
        InvalidInputError: If it is no record of a trial, or the target cannot be written.
    """
    page = page_of(subject_of(record, file_name=file_name))
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Whatever is left of a broken surrogate in a name must not keep the page from being written.
        temporary.write_bytes(page.encode("utf-8", "backslashreplace"))
        temporary.replace(target)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise InvalidInputError(
            f"--to: cannot write {target}: {error.strerror}; name a file in a folder of yours"
        ) from error
