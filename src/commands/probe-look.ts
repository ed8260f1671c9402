import { getServers } from 'node:dns';
import { formatListenAddress } from '../config/listen-address.ts';
import type { probeLookSpec } from '../config/specs/probe-look.ts';
import { checks } from '../diagnosis/checks.ts';
import { FactSource, NotHere } from '../diagnosis/fact-source.ts';
import { answerGatherers, askFromHere } from '../diagnosis/gather/dns.ts';
import { hostGatherers } from '../diagnosis/gather/host.ts';
import { formatLook } from '../diagnosis/pods/report.ts';
import { runChecks } from '../diagnosis/run-checks.ts';
import { runner } from '../host/run.ts';
import { systemSysctls } from '../host/sysctl.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Run } from './command.ts';
import { leaveLastWords } from './last-words.ts';

export const runProbeLook: Run<typeof probeLookSpec> = async (values, { version, stdout }) => {
  const zone = values.zone.replace(/\.$/, '');
  const dnsServer = values.dnsServer && formatListenAddress(values.dnsServer);
  // As the pod's own resolver does, NodeLocal DNSCache included.
  const [resolver] = getServers();
  const clusterDns = values.clusterDns
    ? formatListenAddress(values.clusterDns)
    : resolver && withPort(resolver);
  const nowhere = (what: string) => () => Promise.reject(new NotHere(`${what} is not known here`));
  const source = new FactSource(
    {
      ...hostGatherers(values.host ? { run: runner(), sysctls: systemSysctls() } : undefined),
      ...answerGatherers(
        {
          zone,
          asking: {
            ask: askFromHere,
            cannotAsk: '',
            dnsServer,
            clusterDns,
          },
        },
        {
          pharosAddress: nowhere('the address of pharos dns'),
          clusterDnsAddress: nowhere('the address of cluster DNS'),
        },
      ),
    },
    { clock: systemClock, limitMs: values.timeLimit * 1000 },
  );
  const selected = checks.filter(({ id }) => values.only.includes(id));
  const findings = await runChecks(selected, source, { now: systemClock.now(), version, zone });
  const report = formatLook(findings);
  stdout.write(`${report}\n`);
  await leaveLastWords(report);
  return 'done';
};

/** `10.0.0.10`, `10.0.0.10:53`, `fd00::a`, `[fd00::a]:53` → with a port. */
const withPort = (server: string): string =>
  /^\[.*\]:\d+$|^[^:]*:\d+$/.test(server) ? server : formatListenAddress({ address: server, port: 53 });
