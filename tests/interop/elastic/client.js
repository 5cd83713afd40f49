// Runs Elastic's OpAMP client against an endpoint and writes what happens to stdout, one JSON object a line:
// {event: "sent"}, {event: "failed", error}, {event: "config", hash, files}. Applies each configuration that it is given.
//
//   node client.js URL CREDENTIAL
const { subscribe } = require('diagnostics_channel');
const { createOpAMPClient, AgentCapabilities, RemoteConfigStatuses } = require('@elastic/opamp-client-node');

const [url, credential] = process.argv.slice(2);
const say = (event, facts = {}) => process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`);

subscribe('opamp-client.send.success', () => say('sent'));
subscribe('opamp-client.send.fail', ({ err }) => say('failed', { error: String(err) }));

const client = createOpAMPClient({
  endpoint: url,
  headers: { Authorization: `Bearer ${credential}` },
  heartbeatIntervalSeconds: 0.2,
  capabilities: AgentCapabilities.AgentCapabilities_AcceptsRemoteConfig | AgentCapabilities.AgentCapabilities_ReportsRemoteConfig,
  diagEnabled: true,
  onMessage: ({ remoteConfig }) => {
    if (!remoteConfig) return;
    const files = Object.fromEntries(
      Object.entries(remoteConfig.config.configMap).map(([name, file]) => [name, Buffer.from(file.body).toString()]),
    );
    say('config', { hash: Buffer.from(remoteConfig.configHash).toString(), files });
    client.setRemoteConfigStatus({
      lastRemoteConfigHash: remoteConfig.configHash,
      status: RemoteConfigStatuses.RemoteConfigStatuses_APPLIED,
    });
  },
});
client.setAgentDescription({ identifyingAttributes: { 'service.name': 'elastic' } });
client.start();
setInterval(() => {}, 1000); // its own timers do not keep the process alive
process.on('SIGTERM', async () => {
  await client.shutdown();
  process.exit(0);
});
