"""The role that a user or a service account has in its tenant, as an option."""

from typing import Annotated, TypeAlias

import typer

from phoenix_platform.wire.v1.users import UserRole

_HELP = "What they may do: viewer reads, operator looks after hosts, experimenter tries pipelines, admin everything."
RoleOption: TypeAlias = Annotated[UserRole, typer.Option(help=_HELP, show_default=False)]
SomeRoleOption: TypeAlias = Annotated[UserRole | None, typer.Option(help=_HELP)]
