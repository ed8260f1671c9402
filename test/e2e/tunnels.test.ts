/**
 * Everything real and nothing pretended: a service that kubectl exports in one cluster is used by pods of another
 * by its name, through their ordinary cluster DNS and through tunnels between the gateways, by each driver.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type Cidr, contains, hostCidr, parseCidr, parseIp } from '../../src/api/cidr.ts';
import { type Gateway, isUp } from '../../src/api/tunnel.ts';
import { openLab, type Lab } from '../lab/lab.ts';
import { mariadbImage } from '../lab/mariadb-image.ts';
import type { LabNode } from '../lab/node.ts';
import { until } from '../lab/wait.ts';
import { captureWire } from '../lab/wire-capture.ts';
import { lookByPods } from './support/look-by-pods.ts';
import { Replication } from './support/replication.ts';
import {
  type ClusterName,
  PATIENCE_MS,
  TunnelledClusters,
  whyNoTunnelledClusters,
} from './support/tunnelled-clusters.ts';

const skip =
  (await whyNoTunnelledClusters(['mariadb-client-core', 'mariadb-server-core', 'procps', 'tcpdump'])) ??
  false;

/** In each payload, so that it is found where somebody can read it. */
const MARKER = 'for your eyes only';
const PAYLOAD = 64 * 1024;

const drivers = [
  { driver: 'ipsec', port: 4500, isSecret: true },
  { driver: 'wireguard', port: 51840, isSecret: true },
  { driver: 'vxlan', port: 4790, isSecret: false },
] as const;

/** From where to where: east has one node, which is its gateway; in west, pods and servers are on a worker. */
const ways = [
  { from: 'east', client: 'client', to: 'west' },
  { from: 'east', client: 'host-client', to: 'west' },
  { from: 'west', client: 'client', to: 'east' },
  { from: 'west', client: 'host-client', to: 'east' },
] as const;

const curl = (url: string): string => `curl -sS --fail --max-time 20 ${url}`;

const exportOf = (name: string): object => ({
  apiVersion: 'multicluster.x-k8s.io/v1beta1',
  kind: 'ServiceExport',
  metadata: { name, namespace: 'shop' },
});
const nameOf = (of: string): string => `${of}.shop.svc.clusterset.local`;

suite('pods use services of another cluster through tunnels', { skip }, () => {
  let lab: Lab;
  let clusters: TunnelledClusters;

  before(async () => {
    lab = await openLab({ name: 'tunnels' });
    clusters = await TunnelledClusters.start(lab, [mariadbImage()]);
  });
  after(() => lab?.[Symbol.asyncDispose]());

  /** The networks that a client is seen to come from: a pod's own addresses, of a node one that its pods' network has. */
  const networksOf = async (from: ClusterName, client: string): Promise<Cidr[]> =>
    client === 'client'
      ? (await clusters.fieldOf(from, 'pod/client', '.status.podIPs[*].ip')).map((ip) =>
          hostCidr(parseIp(ip)),
        )
      : (await clusters.fieldOf(from, `node/${from}-1`, '.spec.podCIDRs[*]')).map(parseCidr);

  for (const { driver, port, isSecret } of drivers) {
    suite(`by ${driver}`, () => {
      let wire: Awaited<ReturnType<typeof captureWire>>;

      test('after kubectl apply of an export its name leads from each cluster to the other', async () => {
        const { west, east } = clusters;
        await clusters.set({ 'gateway.flags.cable-driver': driver });
        for (const cluster of [west, east]) {
          await cluster.apply([exportOf(`web-${cluster.name}`), exportOf(`db-${cluster.name}`)]);
        }
        // East has one gateway: what goes between the clusters goes by its cable.
        const networks = [west, east].flatMap(({ podCidrs, serviceCidrs }) => [...podCidrs, ...serviceCidrs]);
        const hosts = west.nodes.flatMap(({ ips }) => ips);
        // Beside tunnels nodes ask for each other's places on the wire, and say that a port is closed.
        const nodes = `(${hosts.map((ip) => `host ${ip}`).join(' or ')}) and not arp and not icmp and not icmp6`;
        const pods = networks.map((network) => `net ${network}`).join(' or ');
        wire = await captureWire(east.nodes[0], lab.dir, `(${nodes}) or ${pods}`);
        for (const { from, client, to } of ways) {
          await until(`web of ${to} from ${client} of ${from}`, PATIENCE_MS, () =>
            clusters.inPod(
              from,
              client,
              curl(`http://${nameOf(`web-${to}`)}/`),
              curl(`http://${nameOf(`db-${to}`)}:8080/`),
            ),
          );
        }
      });

      for (const { from, client, to } of ways) {
        test(`${client} of ${from} is served in ${to} and seen under its own address, large packets and all`, async () => {
          const serviceIps = await clusters.fieldOf(to, `service/web-${to}`, '.spec.clusterIPs[*]');
          assert.equal(serviceIps.length, 2, 'IPv4 and IPv6');
          const urls = [
            `-4 http://${nameOf(`web-${to}`)}/`,
            `-6 http://${nameOf(`web-${to}`)}/`,
            `-4 http://${nameOf(`db-${to}`)}:8080/`,
            `-6 http://${nameOf(`db-${to}`)}:8080/`,
            ...serviceIps.map((ip) => `http://${ip.includes(':') ? `[${ip}]` : ip}/`),
          ];
          const payload = '/tmp/payload';
          const pages = await clusters.inPod(
            from,
            client,
            ...urls.map(curl),
            `yes '${MARKER}' | head -c ${PAYLOAD} > ${payload}`,
            ...['-4', '-6'].map((family) => {
              const post = `--data-binary @${payload} -H 'Content-Type: text/plain'`;
              return `${curl(`${family} ${post} http://${nameOf(`web-${to}`)}/cgi-bin/index.cgi`)} | cmp - ${payload}`;
            }),
          );
          assert.equal(pages.length, urls.length);
          const networks = await networksOf(from, client);
          for (const [index, page] of pages.entries()) {
            const [server, seen = ''] = page.split(' ');
            assert.equal(server, urls[index]?.includes('db-') ? `db-${to}` : `web-${to}`);
            const source = parseIp(seen);
            assert.ok(
              networks.some((network) => contains(network, source)),
              `${urls[index]}: ${seen} is not in ${networks.join()}`,
            );
          }
        });
      }

      test(
        isSecret ? 'on the wire nothing is to be read' : 'on the wire all is to be read, as it says',
        async () => {
          const { packets, bytes } = await wire.end();
          assert.ok(packets.length > 100, `only ${packets.length} packets were captured`);
          // The port that VXLAN and WireGuard send from may be any.
          const others = packets.filter((packet) => !new RegExp(` > \\S+\\.${port}: `).test(packet));
          assert.deepEqual(others.slice(0, 5), [], 'nothing but the tunnel goes from gateway to gateway');
          assert.equal(bytes.includes(MARKER), !isSecret);
          if (driver !== 'ipsec') return;
          const kinds = packets.map(
            (packet) => /: (UDP-encap: ESP|NONESP-encap: isakmp|isakmp-nat-keep-alive)/.exec(packet)?.[1],
          );
          assert.deepEqual(packets.filter((_, index) => kinds[index] === undefined).slice(0, 5), []);
          assert.ok(kinds.includes('UDP-encap: ESP'));
        },
      );

      if (driver === 'ipsec') {
        test('pods of diagnose see what is wrong on a node, and nothing of them is left', () =>
          lookByPods(clusters.west));
      }
    });
  }

  // Minutes of their own, with probes that a machine busy with other things answers too late.
  if (process.env['PHAROS_TEST_LONG'] !== '1') return;
  suite('examples/mysql, a replica in east of a primary in west, by ipsec', () => {
    let replication: Replication;

    test('the replica finds its primary by name', async () => {
      await clusters.set({
        'gateway.flags.cable-driver': 'ipsec',
        'gateway.flags.probe-interval': '100ms',
        'routeAgent.flags.probe-interval': '100ms',
      });
      replication = await Replication.start(clusters);
    });

    /** The node in west whose gateway leads. */
    const leader = (): Promise<LabNode> =>
      until('a gateway of west leads, and another one stands by', PATIENCE_MS, async () => {
        const { stdout } = await clusters.west.kubectl([
          '-n',
          'pharos-system',
          'get',
          'gateways',
          '-o',
          'json',
        ]);
        const { items } = JSON.parse(stdout) as { items: Gateway[] };
        const connected = items.filter(({ status }) => status?.connections?.some(isUp));
        const active = connected.find(({ status }) => status?.haStatus === 'active');
        return connected.length < 2
          ? undefined
          : clusters.west.nodes.find(({ name }) => name === active?.metadata.name);
      });
    const podOn = async (node: LabNode): Promise<string> => {
      const { stdout } = await clusters.west.kubectl([
        ...['-n', 'pharos-system', 'get', 'pods', '-l', 'app.kubernetes.io/component=gateway'],
        ...[`--field-selector=spec.nodeName=${node.name}`, '-o', 'name'],
      ]);
      return stdout.trim();
    };
    const ends = [
      {
        what: 'the pod of the gateway that leads is deleted',
        end: async (node: LabNode) => {
          const args = ['-n', 'pharos-system', 'delete', '--wait=false', await podOn(node)];
          const { code, stderr } = await clusters.west.kubectl(args);
          assert.equal(code, 0, stderr);
        },
      },
      {
        what: 'the process of the gateway that leads is killed',
        // From inside a pod its first process can't be killed.
        end: async (node: LabNode) => {
          const { code } = await node.exec(['pkill', '-KILL', '-f', 'cli.js gateway']);
          assert.equal(code, 0);
        },
      },
      { what: 'the node of the gateway that leads loses its power', end: (node: LabNode) => node.stop() },
    ];
    for (const { what, end } of ends) {
      test(`${what}: every row arrives, and replication goes on by itself`, async (t) => {
        const node = await leader();
        const { rows, pauseMs } = await replication.writeWhile(() => end(node));
        t.diagnostic(`${what}: ${rows} rows, all there; for ${pauseMs} ms none arrived`);
      });
    }
  });
});
