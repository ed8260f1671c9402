/** Random records of one service, few enough values that they agree and clash often. */
import * as fc from 'fast-check';
import type { ServicePort } from '../../../src/api/objects.ts';
import type { ExportRecord } from '../../../src/discovery/record.ts';
import { exportRecord } from './objects.ts';

const port = fc
  .record({
    name: fc.constantFrom(undefined, 'http', 'https'),
    protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
    appProtocol: fc.constantFrom(undefined, undefined, 'h2c'),
    port: fc.constantFrom(80, 443),
  })
  .map(({ name, protocol, appProtocol, port }): ServicePort => ({
    ...(name !== undefined && { name }),
    protocol,
    ...(appProtocol !== undefined && { appProtocol }),
    port,
  }));

const labels = fc.dictionary(fc.constantFrom('team', 'tier'), fc.constantFrom('a', 'b'));

export const aRecord: fc.Arbitrary<ExportRecord> = fc
  .record({
    cluster: fc.constantFrom('east', 'north', 'south', 'west'),
    created: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
    type: fc.constantFrom('ClusterSetIP' as const, 'Headless' as const),
    ports: fc.array(port, { maxLength: 4 }),
    ips: fc.subarray(['10.0.0.7', 'fd00::7']),
    ipFamilies: fc.shuffledSubarray(['IPv4' as const, 'IPv6' as const]),
    sessionAffinity: fc.constantFrom('None' as const, 'ClientIP' as const),
    trafficDistribution: fc.constantFrom(undefined, 'PreferClose'),
    internalTrafficPolicy: fc.constantFrom(undefined, 'Cluster', 'Local'),
    weight: fc.constantFrom(0, 1, 5),
    policy: fc.constantFrom(undefined, 'local' as const, 'all' as const),
    exportedLabels: labels,
    exportedAnnotations: labels,
  })
  .map(({ cluster, trafficDistribution, internalTrafficPolicy, policy, ...rest }) =>
    exportRecord(cluster, {
      ...rest,
      ...(trafficDistribution !== undefined && { trafficDistribution }),
      ...(internalTrafficPolicy !== undefined && { internalTrafficPolicy }),
      ...(policy !== undefined && { policy }),
    }),
  );

/** At most one of each cluster, in any order. */
export const records: fc.Arbitrary<ExportRecord[]> = fc.uniqueArray(aRecord, {
  selector: ({ cluster }) => cluster,
});
