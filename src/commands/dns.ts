import { formatListenAddress } from '../config/listen-address.ts';
import type { dnsSpec } from '../config/specs/dns.ts';
import { dnsMetrics } from '../dns/metrics.ts';
import type { Certificate } from '../dns/tls.ts';
import { startDnsServer } from '../dns/server.ts';
import { healthRoutes } from '../observability/http.ts';
import { createMetrics } from '../observability/metrics.ts';
import { systemClock } from '../runtime/clock.ts';
import { Shutdown } from '../runtime/shutdown.ts';
import { ZoneHistory } from '../zone/history.ts';
import { Zone } from '../zone/zone.ts';
import type { Run } from './command.ts';
import { dnsCertificate } from './dns-certificate.ts';
import { explainRoute } from './dns-explain.ts';
import { dnsProtocol } from './dns-protocol.ts';
import { followSecondaries } from './dns-secondaries.ts';
import { openDnsSource } from './dns-source.ts';
import { feedZone } from './feed-zone.ts';
import { loggingTo } from './logging.ts';
import { Propagation, propagationMetric } from './propagation.ts';
import { serveOrExplain } from './serve.ts';
import { udpWay } from './udp-way.ts';
import { zoneMetrics } from './zone-metrics.ts';

/**
 * The serial that a server begins with counts this many milliseconds since 1970, so that secondaries of the one
 * before it see a later one (RFC 1982), also where that counted 50 changes a second without a pause.
 */
const SERIAL_MS = 20;
/** How long queries are still answered after readiness is off, for whoever has not noticed yet. */
const DRAIN_MS = 1000;

export const runDns: Run<typeof dnsSpec> = async (values, context) => {
  const logging = loggingTo(context, values);
  const log = logging('dns');
  const clock = systemClock;
  const source = await openDnsSource(values, context, logging, clock);
  const { store, cluster } = source;
  const zone = new Zone({
    origins: values.zone,
    policy: values.policy,
    ttl: values.ttl,
    strictNames: values.strictNames,
    advertise: values.advertise,
    reverseZones: values.clustersetCidr,
    serial: Math.floor(clock.now() / SERIAL_MS),
    history: new ZoneHistory(() => clock.now()),
    ...(cluster !== undefined && { ownCluster: cluster }),
  });

  const feeding = new AbortController();
  const protocol = await dnsProtocol(values, context, log, feeding.signal);
  const secondaries = followSecondaries(values, protocol.signing, zone, clock, log);
  let onCertificate = (_certificate: Certificate): void => {};
  const certificate = await dnsCertificate(values, context, log, feeding.signal, (next) =>
    onCertificate(next),
  );
  const server = await startDnsServer({
    source: zone,
    listen: values.listen,
    protocol,
    transfer: secondaries?.transfer,
    tls: certificate && { listen: values.tlsListen, certificate },
    limits: {
      connections: values.tcpConnections,
      connectionsPerClient: values.tcpConnectionsPerClient,
    },
    reusePort: values.reusePort,
    ...udpWay(values, log),
    log: logging('server'),
  });
  onCertificate = (next) => server.setCertificate(next);
  const shutdown = new Shutdown({ process: context.process, log, clock });
  const propagation = new Propagation(clock);
  const metrics = createMetrics(() => [
    ...dnsMetrics(server),
    ...zoneMetrics(zone),
    propagationMetric(propagation),
    ...(secondaries?.metrics ?? []),
    ...source.metrics(),
  ]);
  const notReady = (): string | undefined => {
    if (shutdown.signal.aborted) return 'shutting down';
    return zone.synced ? undefined : `the first full list from ${store.location} is not in yet`;
  };
  const http = await serveOrExplain('--metrics-listen', values.metricsListen, [
    ...healthRoutes(metrics, notReady, () =>
      zone.staleSince === undefined
        ? undefined
        : `stale: no contact with ${store.location} since ${zone.staleSince}`,
    ),
    explainRoute(zone, cluster, clock),
  ]);
  log.info(
    {
      version: context.version,
      cluster,
      zone: values.zone,
      listen: server.addresses.map(formatListenAddress),
      ...(certificate && { tls: server.tlsAddresses.map(formatListenAddress) }),
      udp: server.udpWorkers > 0 ? 'batched' : 'dgram',
      ...(server.udpWorkers > 0 && { workers: server.udpWorkers }),
      metrics: formatListenAddress(http),
      store: store.location,
    },
    'pharos dns is up',
  );
  const unsubscribe = zone.subscribe(() => {
    unsubscribe();
    log.info({ services: zone.serviceCount }, 'The zone is complete: answering');
  });
  const { staleAfter } = values;
  const feed = { store, zone, clock, log: logging('store'), staleAfter, gateways: true, propagation };
  const fed = feedZone(feed, feeding.signal);
  source.follow(shutdown);

  shutdown.defer('store', () => source.close());
  shutdown.defer('http', () => http.close());
  shutdown.defer('secondaries', () => secondaries?.close());
  shutdown.defer('dns server', () => server.close());
  shutdown.defer('watches', () => {
    feeding.abort();
    return fed;
  });
  shutdown.defer('drain', () => clock.sleep(DRAIN_MS));
  return 'running';
};
