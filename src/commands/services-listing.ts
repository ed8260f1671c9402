import { drainText } from '../api/drained.ts';
import { conflictText } from '../discovery/conflict.ts';
import { ago } from './ago.ts';
import type { Listing } from './listing.ts';
import type { ExporterStatus, ServiceStatus } from './service-status.ts';

/** `show services`: a line per service, what is to be said of it last. */
export const servicesListing: Listing<ServiceStatus> = {
  nameOf: ({ namespace, name }) => `${namespace}/${name}`,
  none: 'No service is exported to this cluster; "pharos export NAME" exports one',
  newsOf: ({ exporters, ...service }) => ({
    ...service,
    exporters: exporters.map((exporter) => ({ ...exporter, lastSeen: undefined })),
  }),
  columns: [
    { heading: 'NAMESPACE', text: ({ namespace }) => namespace },
    { heading: 'SERVICE', text: ({ name }) => name },
    { heading: 'TYPE', text: ({ type }) => type ?? '-' },
    {
      heading: 'IMPORTED FROM',
      text: ({ exporters }) =>
        listOf(exporters.filter(({ isImported }) => isImported).map(({ cluster }) => cluster)),
    },
    {
      heading: 'CONFIRMED',
      text: ({ exporters }, now) => ago(confirmedAt(exporters), now),
    },
    { heading: 'IPS', wide: true, text: ({ ips }) => listOf(ips) },
    {
      heading: 'PORTS',
      wide: true,
      text: ({ ports }) =>
        listOf(
          ports.map(
            ({ name, port, protocol = 'TCP' }) =>
              `${name === undefined ? '' : `${name} `}${port}/${protocol}`,
          ),
        ),
    },
    {
      heading: 'READY',
      wide: true,
      text: ({ exporters }) =>
        listOf(
          exporters
            .filter(({ isImported }) => isImported)
            .map(({ cluster, endpoints: { ready, total } }) => `${cluster} ${ready}/${total}`),
        ),
    },
    {
      heading: 'SERVICE IPS',
      wide: true,
      text: ({ exporters }) =>
        listOf(
          exporters
            .filter(({ ips }) => ips.length > 0)
            .map(({ cluster, ips }) => `${cluster} ${ips.join(' ')}`),
        ),
    },
    { heading: 'REMARKS', text: (service, now) => remarksOf(service, now).join('; ') || '-' },
  ],
};

const listOf = (texts: readonly string[]): string => texts.join(', ') || '-';

/** Of what is imported, the confirmation that is the longest ago. */
const confirmedAt = (exporters: readonly ExporterStatus[]): string | undefined =>
  exporters.flatMap(({ isImported, lastSeen }) => (isImported ? (lastSeen ?? []) : [])).sort()[0];

function remarksOf({ notImported, exporters, conflicts, problems }: ServiceStatus, now: number): string[] {
  return [
    ...(notImported === undefined ? [] : [`not imported: ${notImported}`]),
    ...exporters.flatMap((exporter) => exporterRemarks(exporter, now)),
    ...conflicts.map((conflict) => `${conflict.reason}: ${conflictText(conflict)}`),
    ...problems,
  ];
}

function exporterRemarks(
  { cluster, isImported, why, state, lastSeen, drained, weight, endpoints }: ExporterStatus,
  now: number,
): string[] {
  if (!isImported) return why === undefined ? [] : [`${cluster} is left out: ${why}`];
  const { ready, total } = endpoints;
  return [
    ...(drained === undefined ? [] : [`${cluster} is ${drainText(drained)}`]),
    ...(state === 'silent' ? [`${cluster} is silent, last heard of ${ago(lastSeen, now)}`] : []),
    ...(state === 'never-heard' ? [`${cluster} was never heard of`] : []),
    ...(weight === 0 ? [`${cluster} has weight 0`] : []),
    ...(ready === 0 ? [`${cluster} has no ready endpoint${total === 0 ? '' : ` of ${total}`}`] : []),
  ];
}
