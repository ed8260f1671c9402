import type { ServicePort } from '../api/objects.ts';
import { byText, type Claim, type Conflict } from './conflict.ts';
import type { ExportRecord } from './record.ts';

/** A port that is kept, who claims it so, and who claims its name or number for another one. */
interface Kept {
  readonly port: ServicePort;
  readonly clusters: Set<string>;
  readonly dropped: Map<string, Set<string>>; // the other port as text → clusters
}

/**
 * The union of the ports by (name, protocol, port, appProtocol). A name, or a number with its protocol, can
 * stand for one port only: where it is claimed differently the oldest export's claim is kept.
 *
 * @param exports the oldest first
 */
export function mergePorts(exports: readonly ExportRecord[]): {
  ports: ServicePort[];
  conflicts: Conflict[];
} {
  const kept: Kept[] = [];
  const byName = new Map<string, Kept>(); // '' for the port without a name
  const byNumber = new Map<string, Kept>(); // "TCP 80" → port
  for (const { cluster, ports } of exports) {
    for (const port of ports) {
      const [named, numbered] = [byName.get(port.name ?? ''), byNumber.get(numberText(port))];
      if (named === undefined && numbered === undefined) {
        const taken: Kept = { port, clusters: new Set([cluster]), dropped: new Map() };
        kept.push(taken);
        byName.set(port.name ?? '', taken);
        byNumber.set(numberText(port), taken);
        continue;
      }
      for (const rival of new Set([named, numbered])) {
        if (rival === undefined) continue;
        if (portText(rival.port) === portText(port)) rival.clusters.add(cluster);
        else add(rival.dropped, portText(port), cluster);
      }
    }
  }
  return {
    ports: kept.map(({ port }) => port),
    conflicts: kept.flatMap(({ port, clusters, dropped }): Conflict[] =>
      dropped.size === 0
        ? []
        : [
            {
              reason: 'PortConflict',
              field: `port ${port.name ?? numberText(port)}`,
              kept: { value: portText(port), clusters: [...clusters].sort(byText) },
              dropped: [...dropped].map(([value, losers]): Claim => ({
                value,
                clusters: [...losers].sort(byText),
              })),
            },
          ],
    ),
  };
}

const numberText = ({ protocol = 'TCP', port }: ServicePort): string => `${protocol} ${port}`;

const portText = (port: ServicePort): string =>
  [port.name, numberText(port), port.appProtocol].filter((part) => part !== undefined).join(' ');

function add(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, new Set([value]));
  else values.add(value);
}
