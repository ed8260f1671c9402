/**
 * deploy/monitoring: the rules fire when they should and are silent when they should, as Prometheus' own
 * promtool computes them; rules and dashboard use only metrics and labels that exist, and each alert has its page.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { everyMetric } from '../../../scripts/reference.ts';
import { command } from '../../lab/command.ts';
import { requirePackages } from '../../lab/packages.ts';

const root = join(import.meta.dirname, '../../..');
const RULES = join(root, 'deploy/monitoring/rules.yaml');
const DASHBOARD = join(root, 'deploy/monitoring/dashboard.json');

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<'summary' | 'description' | 'runbook_url', string>>;
}
const { groups } = parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);

/** Series of one sample a minute, as promtool writes them: what makes the alert fire, and what must not. */
interface Cases {
  readonly fires: readonly Series[];
  readonly silent: readonly Series[];
}
type Series = readonly [series: string, values: string];

const IN = 'namespace="pharos-system",pod="pharos-0"';
const cases: Readonly<Record<string, Cases>> = {
  PharosDnsAbsent: {
    fires: [['pharos_gateway_leader', '1x60']],
    silent: [['pharos_zone_synced', '1x60']],
  },
  PharosDnsNotSynced: {
    fires: [['pharos_zone_synced{pod="a"}', '0x60']],
    silent: [['pharos_zone_synced{pod="a"}', '0 1x60']],
  },
  PharosDnsStale: { fires: [['pharos_zone_stale', '1x60']], silent: [['pharos_zone_stale', '0x60']] },
  PharosDnsServfail: {
    fires: [
      ['pharos_dns_responses_total{rcode="SERVFAIL"}', '0+60x60'],
      ['pharos_dns_responses_total{rcode="NOERROR"}', '0+600x60'],
    ],
    silent: [
      ['pharos_dns_responses_total{rcode="SERVFAIL"}', '0+1x60'],
      ['pharos_dns_responses_total{rcode="NOERROR"}', '0+600x60'],
    ],
  },
  PharosDnsFailures: {
    fires: [[`pharos_dns_failures_total{${IN}}`, '0x50 1x10']],
    silent: [[`pharos_dns_failures_total{${IN}}`, '7x60']],
  },
  PharosDnsSnapshotFailing: {
    fires: [[`pharos_dns_snapshot_failures_total{${IN}}`, '0+1x60']],
    silent: [[`pharos_dns_snapshot_failures_total{${IN}}`, '3x60']],
  },
  PharosAgentWithoutLeader: {
    fires: [
      ['pharos_agent_leader{pod="a"}', '0x60'],
      ['pharos_agent_leader{pod="b"}', '0x60'],
    ],
    silent: [
      ['pharos_agent_leader{pod="a"}', '0x60'],
      ['pharos_agent_leader{pod="b"}', '1x60'],
    ],
  },
  PharosBrokerOutOfSight: {
    fires: [['pharos_agent_broker_in_sight', '0x60']],
    silent: [['pharos_agent_broker_in_sight', '1x58 0 0']],
  },
  PharosMemberSilent: {
    fires: [['pharos_import_age_seconds{source="west"}', '10+60x60']],
    silent: [['pharos_import_age_seconds{source="west"}', '35x60']],
  },
  PharosWritesFailing: {
    fires: [['pharos_agent_writes_total{store="broker",outcome="forbidden"}', '0+1x60']],
    silent: [
      ['pharos_agent_writes_total{store="broker",outcome="applied"}', '0+9x60'],
      ['pharos_agent_writes_total{store="broker",outcome="conflict"}', '0+1x60'],
    ],
  },
  PharosQueueStuck: {
    fires: [['pharos_agent_queue_depth{reconciler="import"}', '4x60']],
    silent: [['pharos_agent_queue_depth{reconciler="import"}', '9x55 0 9x4']],
  },
  PharosConflict: {
    fires: [['pharos_agent_conflicting_services', '1x60']],
    silent: [['pharos_agent_conflicting_services', '0x60']],
  },
  PharosRecordsRefused: {
    fires: [['pharos_agent_refused_total{reason="own-address"}', '0x50 1x10']],
    silent: [
      ['pharos_agent_refused_total{reason="own-address"}', '5x120'],
      ['pharos_agent_refused_total{reason="import-from"}', '0+1x60'],
    ],
  },
  PharosClustersetIpsShort: {
    fires: [
      ['pharos_agent_clusterset_ips{family="IPv4",state="free"}', '3x60'],
      ['pharos_agent_clusterset_ips{family="IPv4",state="held"}', '97x60'],
    ],
    silent: [
      ['pharos_agent_clusterset_ips{family="IPv4",state="free"}', '60x60'],
      ['pharos_agent_clusterset_ips{family="IPv4",state="held"}', '40x60'],
    ],
  },
  PharosPublishFailing: {
    fires: [[`pharos_agent_publish_failures_total{${IN}}`, '0+1x60']],
    silent: [[`pharos_agent_publish_failures_total{${IN}}`, '0x60']],
  },
  PharosApiOverloaded: {
    fires: [['pharos_store_overloads_total{store="member"}', '0+1x60']],
    silent: [['pharos_store_overloads_total{store="member"}', '4x60']],
  },
  PharosClusterUnreachable: {
    fires: [
      ['pharos_gateway_connection_up{cluster="west",peer="g1"}', '0x60'],
      ['pharos_gateway_connection_up{cluster="west",peer="g2"}', '0x60'],
    ],
    silent: [
      ['pharos_gateway_connection_up{cluster="west",peer="g1"}', '0x60'],
      ['pharos_gateway_connection_up{cluster="west",peer="g2"}', '1x60'],
    ],
  },
  PharosTunnelDown: {
    fires: [['pharos_gateway_connection_up{cluster="west",peer="g1"}', '0x60']],
    silent: [['pharos_gateway_connection_up{cluster="west",peer="g1"}', '1x57 0 0 0']],
  },
  PharosTunnelLossy: {
    fires: [['pharos_gateway_loss_ratio{cluster="west",peer="g1"}', '0.1x60']],
    silent: [['pharos_gateway_loss_ratio{cluster="west",peer="g1"}', '0x50 0.04 0x9']],
  },
  PharosTunnelSlow: {
    fires: [['pharos_gateway_round_trip_seconds{cluster="west",peer="g1"}', '0.02x35 0.2x24']],
    silent: [['pharos_gateway_round_trip_seconds{cluster="west",peer="g1"}', '0.2x60']],
  },
  PharosGatewayWithoutLeader: {
    fires: [['pharos_gateway_leader{pod="a"}', '0x60']],
    silent: [
      ['pharos_gateway_leader{pod="a"}', '0x60'],
      ['pharos_gateway_leader{pod="b"}', '1x60'],
    ],
  },
  PharosGatewayFailing: {
    fires: [[`pharos_gateway_failures_total{${IN}}`, '0+1x60']],
    silent: [[`pharos_gateway_failures_total{${IN}}`, '2x60']],
  },
  PharosRouteProblem: {
    fires: [[`pharos_route_problems{${IN},reason="no-gateway"}`, '1x60']],
    silent: [[`pharos_route_problems{${IN},reason="no-gateway"}`, '1x55 0x5']],
  },
  PharosDriftRepairs: {
    fires: [[`pharos_route_drift_repairs_total{${IN},what="routes"}`, '0+6x60']],
    silent: [[`pharos_route_drift_repairs_total{${IN},what="routes"}`, '0 1x60']],
  },
  PharosNetworksRefused: {
    fires: [['pharos_gateway_refused_records{reason="overlap"}', '1x60']],
    silent: [['pharos_gateway_refused_records{reason="overlap"}', '0x60']],
  },
};

suite('deploy/monitoring', async () => {
  const skip = (await requirePackages(['prometheus'])) ?? false;
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'pharos-rules-'));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  /** A test file for promtool: at the end of the hour the alert fires for `series`, or does not. */
  const check = (alert: string, series: readonly Series[], fires: boolean): object => ({
    name: `${alert} ${fires ? 'fires' : 'is silent'}`,
    interval: '1m',
    input_series: series.map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [
      {
        expr: `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`,
        eval_time: '59m',
        exp_samples: [{ labels: '{}', value: fires ? 1 : 0 }],
      },
    ],
  });

  test('each alert fires when it should, and only then', { skip }, async () => {
    assert.deepEqual(
      Object.keys(cases),
      alerts.map(({ alert }) => alert),
    ); // one for each, in order
    const file = join(dir, 'rules.test.yaml');
    const tests = Object.entries(cases).flatMap(([alert, { fires, silent }]) => [
      check(alert, fires, true),
      check(alert, silent, false),
    ]);
    await writeFile(
      file,
      stringify({ rule_files: [RULES], evaluation_interval: '1m', tests }, { lineWidth: 0 }),
    );
    const { code, stdout, stderr } = await command('promtool', ['test', 'rules', file]);
    assert.equal(code, 0, stdout + stderr);
  });

  test('promtool finds nothing to say of the rules', { skip }, async () => {
    const { code, stdout, stderr } = await command('promtool', ['check', 'rules', '--lint-fatal', RULES]);
    assert.equal(code, 0, stdout + stderr);
  });

  test('rules and dashboard use metrics and labels that exist', async () => {
    const known = new Map<string, ReadonlySet<string>>();
    for (const metric of [...(await everyMetric()).values()].flat()) {
      const labels = new Set(['labels' in metric ? (metric.labels ?? []) : []].flat());
      known.set(metric.name, labels);
      if (metric.type === 'histogram') {
        for (const end of ['_bucket', '_sum', '_count'])
          known.set(metric.name + end, new Set([...labels, 'le']));
      }
    }
    const scraped = new Set(['namespace', 'pod']); // given by whoever scrapes
    const expressions = [
      ...alerts.map(({ alert, expr }) => [alert, expr] as const),
      ...expressionsOf(JSON.parse(readFileSync(DASHBOARD, 'utf8'))).map(
        (expr) => [`"${expr}"`, expr] as const,
      ),
    ];
    for (const [where, expr] of expressions) {
      const used = [...expr.matchAll(/\bpharos_[a-z_]+/g)].map(([name]) => name);
      assert.notDeepEqual(used, [], `${where} asks for no metric of Pharos`);
      const labels = new Set(used.flatMap((name) => [...(known.get(name) ?? [])]));
      for (const name of used) assert.ok(known.has(name), `${where} uses ${name}, which no process has`);
      for (const label of labelsIn(expr)) {
        assert.ok(
          labels.has(label) || scraped.has(label),
          `${where} uses the label ${label}, which none has`,
        );
      }
    }
  });

  test('each alert has its page, with what it means, where to look and the mend', () => {
    for (const { alert, annotations, labels } of alerts) {
      assert.match(labels.severity, /^(critical|warning|info)$/, alert);
      const page = join(root, annotations.runbook_url);
      assert.ok(existsSync(page), `${alert}: there is no ${annotations.runbook_url}`);
      const text = readFileSync(page, 'utf8');
      for (const part of [`# ${alert}`, '## What it means', '## Look', '## Mend']) {
        assert.ok(text.includes(`${part}\n`), `${annotations.runbook_url} lacks "${part}"`);
      }
    }
  });
});

/** Every PromQL expression in a dashboard. */
function expressionsOf(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === 'expr' && typeof value === 'string' ? [value] : expressionsOf(value),
  );
}

/** The labels that an expression selects or groups by. */
function labelsIn(expr: string): string[] {
  const selected = [...expr.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label]) => label ?? '');
  const grouped = [...expr.matchAll(/\b(?:by|without|on)\s*\(([^)]*)\)/g)].flatMap(([, list]) =>
    (list ?? '').split(',').map((label) => label.trim()),
  );
  return [...selected, ...grouped].filter((label) => label !== '');
}
