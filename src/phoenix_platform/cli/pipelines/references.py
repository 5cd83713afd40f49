"""How a user names a configuration: a file, or an entry of the catalog.

Called by every command that takes one (`phoenix pipeline ...`, `phoenix trial`).
"""

from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from phoenix_platform.core.errors import NotFoundError, UnavailableError
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.configurations import Configuration, parse_configuration

MAX_FILE_BYTES: Final = 4 * 2**20
"""The largest configurations we know have 200 kB; more is a wrong file."""

ReferenceArgument: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="FILE_OR_NAME", help="A configuration file, or a name of the catalog."),
]


def read_pipeline(reference: str) -> Configuration:
    """The configuration that a user means: a file if there is one of that path, else a catalog entry.

    Raises:
        NotFoundError: If there is neither.
        InvalidInputError: If it is not a configuration; with line and column.
        UnavailableError: If the file cannot be read.
    """
    return parse_configuration(read_text(reference), name=reference)


def read_text(reference: str) -> str:
    """Its text, line ends as they are; whether it is a configuration is not looked at.

    Raises:
        NotFoundError: If there is neither a file nor an entry.
        UnavailableError: If the file cannot be read.
    """
    path = Path(reference)
    looks_like_a_file = path.suffix in (".yaml", ".yml") or "/" in reference
    if not path.is_file():
        if looks_like_a_file:
            raise NotFoundError(f"pipeline: no such file: {reference}", name=reference)
        return catalog.get(reference).text
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnavailableError(
                f"{reference}: larger than {MAX_FILE_BYTES} bytes; is it a configuration?"
            )
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UnavailableError(f"{reference}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnavailableError(
            f"{reference}: not UTF-8 at byte {error.start}; save it as UTF-8"
        ) from error
