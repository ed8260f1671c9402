import type { Check } from './check.ts';
import { brokerChecks } from './checks/broker.ts';
import { dnsChecks } from './checks/dns.ts';
import { hostChecks } from './checks/host.ts';
import { serviceChecks } from './checks/services.ts';
import { tunnelChecks } from './checks/tunnel.ts';
import { versionChecks } from './checks/versions.ts';

/** Every check there is, in the order in which a person looks: what is first explains what comes after. */
export const checks: readonly Check[] = [
  ...versionChecks,
  ...brokerChecks,
  ...dnsChecks,
  ...serviceChecks,
  ...tunnelChecks,
  ...hostChecks,
];
