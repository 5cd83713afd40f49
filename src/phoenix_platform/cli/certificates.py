"""`phoenix certificate`: signed records of verdicts, made, shown and verified."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from phoenix_platform.agent.signing_keys import SigningKeys, is_signed
from phoenix_platform.analysis.certificates import (
    key_id_of,
    make_certificate,
    read_certificate,
    record_of,
)
from phoenix_platform.analysis.verifications import Verification, verify_certificate
from phoenix_platform.cli.keys import signing_keys
from phoenix_platform.cli.output import Output, OutputOption, note, print_json
from phoenix_platform.cli.records import RecordArgument, print_facts, read_record, record_facts
from phoenix_platform.cli.whole_files import put_whole
from phoenix_platform.core.errors import InvalidInputError, NotFoundError

app = typer.Typer(no_args_is_help=True, help="Signed records of verdicts.")

SUFFIX = ".certificate.json"
_PUBLIC_KEY_BYTES = 32

CertificateArgument = Annotated[
    Path, typer.Argument(help="A certificate that phoenix trial or phoenix certificate make wrote.")
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        help="Public key that must have signed it: 64 hex digits, or a file that holds them. "
        "Default: any of your own.",
        metavar="FILE|HEX",
    ),
]


@app.command()
def make(
    record: RecordArgument,
    to: Annotated[
        Path | None,
        typer.Option(help="Where to write it. Default: beside the record, .certificate.json."),
    ] = None,
) -> None:
    """Sign the record of a trial that has a verdict."""
    path = to or certificate_path(record)
    write_certificate(record, path)
    typer.echo(str(path))


@app.command()
def show(file: CertificateArgument, output: OutputOption = Output.TABLE) -> None:
    """Show what a certificate says. It is not verified by that."""
    document = read_certificate(_content_of(file))
    signature = document["signature"]
    facts = record_facts(record_of(document)) | {
        "phoenix_version": document["record"].get("phoenix_version"),
        "key_id": signature.get("key_id"),
        "public_key": signature.get("public_key"),
        "sections": len(document["hashes"]),
    }
    if output is Output.JSON:
        print_json(facts)
    else:
        print_facts(facts)
        note(f"not verified; run: phoenix certificate verify {file}")


@app.command()
def verify(
    file: CertificateArgument, key: KeyOption = None, output: OutputOption = Output.TABLE
) -> None:
    """Find what was altered since it was signed, and reach the verdict again from the samples.

    Ends with 0 only if every byte is as it was signed, by a key of yours or by the one asked for, and
    the verdict follows from the samples; else with 5.
    """
    found = verify_certificate(_content_of(file), is_signed)
    keys = signing_keys()
    reasons = [f"{one.section}: {one.message}" for one in found.alterations]
    if (reason := _distrust(found, key, keys)) is not None:
        reasons.append(reason)
    if output is Output.JSON:
        print_json(_facts(found, reasons, is_known=found.key_id in keys.known()))
    elif not reasons:
        whose = "the key asked for" if key else "a key of yours"
        typer.echo(
            f"verified: {found.verdict}, reached again from the samples; signed by {whose}, "
            f"{found.key_id}"
        )
    if reasons:
        verdict = "" if found.verdict is None else f". The samples say {found.verdict}"
        raise InvalidInputError(f"{file}: {'; '.join(reasons)}{verdict}")


def certificate_path(record: Path) -> Path:
    return record.with_name(record.name.removesuffix(".json") + SUFFIX)


def write_certificate(record: Path, path: Path) -> None:
    """Sign a record and write its certificate.

    Raises:
        NotFoundError: If there is no such record.
        InvalidInputError: If it has no verdict, or contradicts itself.
        UnavailableError: If the key or the file cannot be written.
    """
    content = make_certificate(read_record(record), signing_keys().current())
    put_whole(path, content, field="certificate")


def _content_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"no certificate at {file}") from error
    except OSError as error:
        raise InvalidInputError(f"cannot read {file}: {error.strerror}") from error


def _distrust(found: Verification, asked: str | None, keys: SigningKeys) -> str | None:
    """Why the key in the file is not to be trusted; None if it is."""
    if found.public_key is None:
        return None  # the signature is reported already
    if asked is not None:
        wanted = _public_key(asked)
        if wanted.hex() != found.public_key:
            return (
                f"signature: it is by key {found.key_id}, not by {key_id_of(wanted)} as asked for"
            )
    elif found.key_id not in keys.known():
        return (
            f"signature: key {found.key_id} is none of yours; if you have its public key from "
            f"whoever signed it, pass it with --key"
        )
    return None


def _public_key(asked: str) -> bytes:
    text = asked
    if len(asked) != 2 * _PUBLIC_KEY_BYTES:
        try:
            text = Path(asked).read_text("ascii").strip()
        except (OSError, ValueError) as error:
            raise NotFoundError(
                f"--key: {asked!r} is neither a file nor 64 hex digits; phoenix key show prints them"
            ) from error
    try:
        public = bytes.fromhex(text)
    except ValueError:
        public = b""
    if len(public) != _PUBLIC_KEY_BYTES:
        raise InvalidInputError(
            "--key: not the 64 hex digits of a public key; phoenix key show prints them"
        )
    return public


def _facts(found: Verification, reasons: Sequence[str], *, is_known: bool) -> dict[str, Any]:
    return {
        "verified": not reasons,
        "verdict": found.verdict,
        "recorded_verdict": found.recorded_verdict,
        "key_id": found.key_id,
        "public_key": found.public_key,
        "key_is_yours": is_known,
        "alterations": found.alterations,
        "reasons": reasons,
    }
