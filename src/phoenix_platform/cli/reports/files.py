"""Writes a report beside its record. `phoenix report` and the end of `phoenix trial` call this."""

import os
import shlex
from contextlib import suppress
from pathlib import Path

from phoenix_platform.analysis.certificates import is_certificate, read_certificate, record_of
from phoenix_platform.cli.records import read_record
from phoenix_platform.cli.reports.page import page_of
from phoenix_platform.cli.reports.subjects import Subject, subject_of
from phoenix_platform.core.errors import InvalidInputError


def default_path(record: Path) -> Path:
    """`trial.json` becomes `trial.html`."""
    is_taken = record.suffix == ".html"
    return record.with_name(f"{record.name}.html") if is_taken else record.with_suffix(".html")


def write_report(file: Path, target: Path) -> None:
    """Make the report of a record or a certificate; a reader sees the old one or the new one, whole.

    Raises:
        NotFoundError: If there is no such file.
        InvalidInputError: If it is neither, or the target cannot be written.
    """
    if target.resolve() == file.resolve():
        raise InvalidInputError(f"--to: {target} is the record itself; name another file")
    page = page_of(read_subject(file))
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise InvalidInputError(
            f"--to: cannot write {target}: {error.strerror}; name a file in a folder of yours"
        ) from error


def read_subject(file: Path) -> Subject:
    """What a record or a certificate tells, with the command that checks this kind of file.

    Raises:
        NotFoundError: If there is no such file.
        InvalidInputError: If it is neither.
    """
    record, noun = read_record(file), "record"
    if is_certificate(record):
        record, noun = record_of(read_certificate(file.read_bytes())), "certificate"
    name = shlex.quote(file.name)
    return subject_of(
        record,
        file_name=file.name,
        commands=(f"phoenix {noun} verify {name}", f"phoenix report {name}"),
    )
