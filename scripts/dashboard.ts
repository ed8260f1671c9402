/**
 * The Grafana dashboard as data: what operators ask, a row for each question, from the metrics that there are.
 * `npm run charts` writes it to deploy/monitoring/dashboard.json.
 */

type Unit = 'short' | 's' | 'percentunit' | 'reqps' | 'bytes' | 'ops' | 'dtdurations';

interface Panel {
  readonly title: string;
  readonly says: string;
  readonly unit?: Unit;
  /** Numbers of this moment instead of lines over time. */
  readonly now?: true;
  /** PromQL and what its lines are called. */
  readonly lines: readonly (readonly [expr: string, legend: string])[];
}

const rate = (metric: string): string => `rate(${metric}[$__rate_interval])`;

const ROWS: readonly (readonly [question: string, panels: readonly Panel[]])[] = [
  [
    'Is every answer fresh?',
    [
      {
        title: 'Servers with a complete zone',
        says: 'Servers that are not synced answer SERVFAIL.',
        now: true,
        lines: [['sum(pharos_zone_synced)', 'synced']],
      },
      {
        title: 'Servers with stale data',
        says: 'They have not seen their API server for --stale-after.',
        now: true,
        lines: [['sum(pharos_zone_stale)', 'stale']],
      },
      {
        title: 'Services with names',
        says: 'As the server with the most has it.',
        now: true,
        lines: [['max(pharos_zone_services)', 'services']],
      },
      {
        title: 'Broker in sight',
        says: '1 while the agent that leads follows the broker.',
        now: true,
        lines: [['max(pharos_agent_broker_in_sight)', 'in sight']],
      },
      {
        title: 'Silence of the members',
        says: 'Since when nothing confirms what a cluster exports.',
        unit: 's',
        lines: [['max by (source) (pharos_import_age_seconds)', '{{source}}']],
      },
      {
        title: 'Exports by where they stand',
        says: 'Of this cluster. The conditions of each ServiceExport say more.',
        lines: [['max by (state) (pharos_agent_exports)', '{{state}}']],
      },
    ],
  ],
  [
    'How long does a change take?',
    [
      {
        title: 'From a change to the answer',
        says: 'Seen by the agent of another cluster until it is in a DNS server of this one, clocks made equal.',
        unit: 's',
        lines: [
          [`histogram_quantile(0.5, sum by (le) (${rate('pharos_propagation_seconds_bucket')}))`, 'median'],
          [`histogram_quantile(0.99, sum by (le) (${rate('pharos_propagation_seconds_bucket')}))`, 'p99'],
        ],
      },
      {
        title: 'Services waiting',
        says: 'Keys in the work queues of the agent that leads.',
        lines: [['max by (reconciler) (pharos_agent_queue_depth)', '{{reconciler}}']],
      },
      {
        title: 'Writes',
        says: 'To the own cluster and to the broker; failed ones are tried again.',
        unit: 'ops',
        lines: [[`sum by (store, outcome) (${rate('pharos_agent_writes_total')})`, '{{store}} {{outcome}}']],
      },
      {
        title: 'Calls waiting for their turn',
        says: 'Pharos asks an API server no faster than it answers.',
        lines: [['sum by (store) (pharos_store_calls_waiting)', '{{store}}']],
      },
      {
        title: 'Lost sight of a store',
        says: 'Watches that ended otherwise than in order.',
        unit: 'ops',
        lines: [[`sum by (store) (${rate('pharos_store_interruptions_total')})`, '{{store}}']],
      },
    ],
  ],
  [
    'Who asks, and what is answered?',
    [
      {
        title: 'Queries',
        says: 'By the way they came.',
        unit: 'reqps',
        lines: [[`sum by (transport) (${rate('pharos_dns_queries_total')})`, '{{transport}}']],
      },
      {
        title: 'Responses',
        says: 'NXDOMAIN is ordinary with search paths, SERVFAIL is not.',
        unit: 'reqps',
        lines: [[`sum by (rcode) (${rate('pharos_dns_responses_total')})`, '{{rcode}}']],
      },
      {
        title: 'Queries by server',
        says: 'Each replica answers.',
        unit: 'reqps',
        lines: [[`sum by (pod) (${rate('pharos_dns_queries_total')})`, '{{pod}}']],
      },
      {
        title: 'Time to an answer',
        says: 'From reading a query to having its response; one in 64 is timed.',
        unit: 's',
        lines: [
          [
            `histogram_quantile(0.5, sum by (le) (${rate('pharos_dns_answer_duration_seconds_bucket')}))`,
            'median',
          ],
          [
            `histogram_quantile(0.99, sum by (le) (${rate('pharos_dns_answer_duration_seconds_bucket')}))`,
            'p99',
          ],
        ],
      },
      {
        title: 'Answered from finished bytes',
        says: 'Share of queries that needed nothing computed.',
        unit: 'percentunit',
        lines: [
          [
            `sum(${rate('pharos_dns_cache_hits_total')}) / ` +
              `(sum(${rate('pharos_dns_cache_hits_total')}) + sum(${rate('pharos_dns_cache_misses_total')}))`,
            'hits',
          ],
        ],
      },
      {
        title: 'Refused, dropped, cut short',
        says: 'Rate limits, TCP limits and messages that are none.',
        unit: 'reqps',
        lines: [
          [`sum by (action) (${rate('pharos_dns_rate_limited_total')})`, 'rate limited: {{action}}'],
          [`sum(${rate('pharos_dns_dropped_messages_total')})`, 'dropped'],
          [`sum(${rate('pharos_dns_tcp_connections_refused_total')})`, 'TCP refused'],
          [`sum(${rate('pharos_dns_truncated_responses_total')})`, 'told to come over TCP'],
        ],
      },
    ],
  ],
  [
    'Which tunnels are slow?',
    [
      {
        title: 'Tunnels by state',
        says: 'Of all gateways of this cluster.',
        lines: [['sum by (state) (pharos_gateway_connections)', '{{state}}']],
      },
      {
        title: 'Round-trip time',
        says: 'Of probes through the tunnel.',
        unit: 's',
        lines: [['pharos_gateway_round_trip_seconds', '{{pod}} to {{cluster}} {{peer}}']],
      },
      {
        title: 'Loss',
        says: 'Of the last 50 probes.',
        unit: 'percentunit',
        lines: [['pharos_gateway_loss_ratio', '{{pod}} to {{cluster}} {{peer}}']],
      },
      {
        title: 'Traffic moved',
        says: 'Fail-overs as gateways and as nodes saw them.',
        lines: [
          [`sum(increase(pharos_gateway_failovers_total[$__rate_interval]))`, 'gateways'],
          [`sum(increase(pharos_route_failovers_total[$__rate_interval]))`, 'nodes'],
        ],
      },
      {
        title: 'What keeps nodes from routing',
        says: 'Nodes by problem.',
        lines: [['sum by (reason) (pharos_route_problems)', '{{reason}}']],
      },
      {
        title: 'Put back',
        says: 'What others changed of Pharos on the nodes.',
        unit: 'ops',
        lines: [
          [`sum by (what) (${rate('pharos_route_drift_repairs_total')})`, 'nodes: {{what}}'],
          [`sum(${rate('pharos_gateway_drift_repairs_total')})`, 'gateways'],
        ],
      },
    ],
  ],
  [
    'What does it cost?',
    [
      {
        title: 'Calls to API servers',
        says: 'Watches left out.',
        unit: 'ops',
        lines: [[`sum by (store, verb) (${rate('pharos_store_calls_total')})`, '{{store}} {{verb}}']],
      },
      {
        title: 'Clusterset IPs',
        says: 'Empty where answers are Service IPs.',
        lines: [['max by (family, state) (pharos_agent_clusterset_ips)', '{{family}} {{state}}']],
      },
    ],
  ],
];

const WIDTH = 24; // of Grafana's grid
const IN_A_ROW = { now: 4, lines: 2 };
const HEIGHT = { now: 4, lines: 8 };

/** Grafana's JSON model, which its import page and the sidecar of its chart take. */
export function dashboard(): object {
  const panels: object[] = [];
  let id = 0;
  let y = 0;
  for (const [question, asked] of ROWS) {
    panels.push({ id: ++id, type: 'row', title: question, gridPos: { x: 0, y: y++, w: WIDTH, h: 1 } });
    for (const kind of ['now', 'lines'] as const) {
      const alike = asked.filter(({ now }) => (now === true) === (kind === 'now'));
      const w = WIDTH / IN_A_ROW[kind];
      for (const [index, panel] of alike.entries()) {
        const x = (index % IN_A_ROW[kind]) * w;
        const top = y + Math.floor(index / IN_A_ROW[kind]) * HEIGHT[kind];
        panels.push(panelJson(++id, panel, { x, y: top, w, h: HEIGHT[kind] }));
      }
      y += Math.ceil(alike.length / IN_A_ROW[kind]) * HEIGHT[kind];
    }
  }
  return {
    uid: 'pharos',
    title: 'Pharos',
    description: 'Cross-cluster service discovery: one member cluster.',
    tags: ['pharos', 'dns'],
    schemaVersion: 39,
    version: 1,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [{ name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' }],
    },
    panels,
  };
}

function panelJson(id: number, { title, says, unit = 'short', now, lines }: Panel, gridPos: object): object {
  return {
    id,
    type: now === true ? 'stat' : 'timeseries',
    title,
    description: says,
    gridPos,
    datasource: { type: 'prometheus', uid: '${datasource}' },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options:
      now === true
        ? { reduceOptions: { calcs: ['lastNotNull'] }, graphMode: 'area', colorMode: 'none' }
        : { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
    targets: lines.map(([expr, legendFormat], index) => ({
      refId: String.fromCodePoint(65 + index),
      expr,
      legendFormat,
    })),
  };
}
