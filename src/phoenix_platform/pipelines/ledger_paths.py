"""Where the `reduce` processors of a configuration write their ledgers. Called by `phoenix ledger why`."""

from collections.abc import Mapping
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component, Configuration
from phoenix_platform.pipelines.environment import expanded
from phoenix_platform.pipelines.reduce_settings import REDUCE, setting

_KEY: Final = "ledger.path"


def ledger_paths(configuration: Configuration, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The paths as the collector sees them, each once; empty if no `reduce` writes a ledger.

    Args:
        configuration: Of a collector; those of its processors count that a pipeline names.
        environment: What references to the environment in a path are read from.

    Raises:
        InvalidInputError: If a path is no text, or needs what the environment does not have.
    """
    used = {id_ for one in configuration.pipelines.values() for id_ in one.processors}
    return tuple(
        dict.fromkeys(
            _path_of(component, configuration, environment)
            for id_, component in configuration.components[Kind.PROCESSOR].items()
            if id_ in used
            and component.type == REDUCE
            and setting(component.settings, "ledger") is not None
        )
    )


def _path_of(
    component: Component, configuration: Configuration, environment: Mapping[str, str]
) -> str:
    written = setting(component.settings, *_KEY.split("."))
    field = f"{configuration.place(*component.path, 'ledger')}: {component.id}: {_KEY}"
    path = expanded(written, environment, field=field)
    if not isinstance(path, str) or not path.strip():
        raise InvalidInputError(
            f"{field}: {written!r} is no path here; set what it refers to, or name the file with --ledger"
        )
    return path
