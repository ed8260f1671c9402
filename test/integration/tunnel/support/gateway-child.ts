/** A gateway's process on a node of the fabric: the product's own Gateway, with the stores of the test. */
import { randomUUID } from 'node:crypto';
import { type Cidr, type IpAddress } from '../../../../src/api/cidr.ts';
import type { ClusterId } from '../../../../src/api/identity.ts';
import { SYSTEM_NAMESPACE } from '../../../../src/api/names.ts';
import { SecretText } from '../../../../src/api/secret-text.ts';
import type { CableDriverName } from '../../../../src/api/tunnel.ts';
import { runner } from '../../../../src/host/run.ts';
import { systemSysctls } from '../../../../src/host/sysctl.ts';
import { createLogging } from '../../../../src/observability/logger.ts';
import { systemClock } from '../../../../src/runtime/clock.ts';
import { LeaderElection } from '../../../../src/runtime/lease.ts';
import { Gateway } from '../../../../src/tunnel/gateway.ts';
import { openDriver } from '../../../../src/tunnel/open-driver.ts';
import { GATEWAY_LEASE, GATEWAY_LEASE_TIMES } from '../../../../src/tunnel/settings.ts';
import { remoteStore } from './remote-store.ts';

export interface ChildSettings {
  readonly cluster: string;
  readonly gateway: string;
  readonly driver: CableDriverName;
  readonly privateIP: string;
  readonly publicIP?: string;
  readonly isBehindNat?: boolean;
  readonly podCIDRs: readonly string[];
  readonly serviceCIDRs: readonly string[];
  readonly stateDir: string;
  readonly intervalMs: number;
  readonly missed: number;
  readonly preSharedKey?: string;
}

const settings = JSON.parse(process.argv[2] ?? '{}') as ChildSettings;
const logging = createLogging({
  level: 'debug',
  format: 'json',
  colour: false,
  write: (line) => process.stderr.write(line),
});
const log = logging('gateway');
const clock = systemClock;
const run = runner();
const member = remoteStore('member');
const broker = remoteStore('broker');
const self = {
  cluster: settings.cluster as ClusterId,
  gateway: settings.gateway,
  driver: settings.driver,
  privateIP: settings.privateIP as IpAddress,
  podCIDRs: settings.podCIDRs as readonly Cidr[],
  serviceCIDRs: settings.serviceCIDRs as readonly Cidr[],
  clustersetCIDRs: ['243.0.0.0/8' as Cidr],
};
const host = { run, log: logging('driver'), clock, stateDir: settings.stateDir };
const driver = await openDriver(
  settings.driver,
  {
    self,
    member,
    isBehindNat: settings.isBehindNat === true,
    ...(settings.preSharedKey !== undefined && { preSharedKey: new SecretText(settings.preSharedKey) }),
  },
  host,
);
const election = new LeaderElection({
  store: member,
  namespace: SYSTEM_NAMESPACE,
  name: GATEWAY_LEASE,
  identity: `${settings.gateway}_${randomUUID()}`,
  times: GATEWAY_LEASE_TIMES,
  clock,
  random: Math.random,
  log: logging('election'),
});
const gateway = new Gateway({
  self,
  ...(settings.publicIP !== undefined && { publicIP: settings.publicIP as IpAddress }),
  port: driver.port,
  isBehindNat: settings.isBehindNat === true,
  version: '0.0.0',
  member,
  broker,
  brokerNamespace: 'pharos-broker',
  election,
  driver,
  run,
  sysctls: systemSysctls(),
  times: { intervalMs: settings.intervalMs, missed: settings.missed },
  keyTimes: { everyMs: undefined, announceMs: 8000, keepMs: 8000 },
  clock,
  log,
});
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
process.on('disconnect', () => stop.abort());
await gateway.run(stop.signal);
process.exit(0);
