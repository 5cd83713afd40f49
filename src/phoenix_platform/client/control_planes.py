"""A control plane with all its nouns: what commands and other programs hold while they talk to it."""

from dataclasses import dataclass
from typing import Self

from phoenix_platform.client.api_keys import ApiKeys
from phoenix_platform.client.audit import Audit
from phoenix_platform.client.connections import Connection
from phoenix_platform.client.events import Events
from phoenix_platform.client.experiments import Experiments
from phoenix_platform.client.hosts import Hosts
from phoenix_platform.client.loads import Loads
from phoenix_platform.client.pipelines import Pipelines
from phoenix_platform.client.service_accounts import ServiceAccounts
from phoenix_platform.client.sign_in import Doors
from phoenix_platform.client.tenants import Tenants
from phoenix_platform.client.users import Users


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    connection: Connection
    api_keys: ApiKeys
    audit: Audit
    doors: Doors
    events: Events
    experiments: Experiments
    hosts: Hosts
    loads: Loads
    pipelines: Pipelines
    service_accounts: ServiceAccounts
    tenants: Tenants
    users: Users

    @classmethod
    def over(cls, connection: Connection) -> Self:
        return cls(
            connection=connection,
            api_keys=ApiKeys(connection),
            audit=Audit(connection),
            doors=Doors(connection),
            events=Events(connection),
            experiments=Experiments(connection),
            hosts=Hosts(connection),
            loads=Loads(connection),
            pipelines=Pipelines(connection),
            service_accounts=ServiceAccounts(connection),
            tenants=Tenants(connection),
            users=Users(connection),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()
