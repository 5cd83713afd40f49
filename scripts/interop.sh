#!/usr/bin/env bash
# Runs others' OpAMP clients, unmodified, against our endpoint: the supervisor with a real collector, Elastic's client.
# Builds and installs them into the cache first (about 8 min, once). Not part of `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh
timed "set-up" scripts/setup.sh
timed "supervisor and its collector" scripts/supervisor.sh >/dev/null
timed "Elastic's client" scripts/elastic_client.sh >/dev/null
timed "interoperability" .venv/bin/python -m pytest -v tests/interop
