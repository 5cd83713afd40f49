"""Assembles the repositories of one transaction; `Transactions` is given `work_of`."""

from phoenix_platform.adapters.sql.answers import SqlAnswers
from phoenix_platform.adapters.sql.audit import SqlAuditTrail
from phoenix_platform.adapters.sql.experiments import SqlCertificates, SqlExperiments, SqlJudgements
from phoenix_platform.adapters.sql.hosts import (
    SqlCredentials,
    SqlDesiredDocuments,
    SqlEnrollmentTokens,
    SqlGoodConfigurations,
    SqlHostReports,
    SqlHosts,
)
from phoenix_platform.adapters.sql.load_simulations import SqlLoadSimulations
from phoenix_platform.adapters.sql.outbox import SqlOutbox
from phoenix_platform.adapters.sql.pipelines import SqlPipelines
from phoenix_platform.adapters.sql.samples import SqlSamples
from phoenix_platform.adapters.sql.scopes import Scope
from phoenix_platform.adapters.sql.tenants import SqlTenants
from phoenix_platform.application.ports import UnitOfWork


def work_of(scope: Scope) -> UnitOfWork:
    return UnitOfWork(
        tenant_id=scope.tenant_id,
        tenants=SqlTenants(scope.connection),
        hosts=SqlHosts(scope),
        enrollment_tokens=SqlEnrollmentTokens(scope),
        credentials=SqlCredentials(scope),
        pipelines=SqlPipelines(scope),
        experiments=SqlExperiments(scope),
        samples=SqlSamples(scope),
        answers=SqlAnswers(scope),
        judgements=SqlJudgements(scope),
        certificates=SqlCertificates(scope),
        loads=SqlLoadSimulations(scope),
        desired=SqlDesiredDocuments(scope),
        reports=SqlHostReports(scope),
        good_configurations=SqlGoodConfigurations(scope),
        audit=SqlAuditTrail(scope),
        outbox=SqlOutbox(scope),
    )
