import { fabric as plan, type NodeAddresses, type PerFamily } from './addressing.ts';
import { Netns } from './netns.ts';

/**
 * What joins the nodes of all clusters of a lab: a namespace with a bridge that is also everyone's router.
 * It knows the nodes, and of clusters that ask for it the way to their pods and Services as well.
 */
export class Fabric {
  readonly netns: Netns;
  readonly #lab: string;
  readonly #dir: string;

  private constructor(netns: Netns, lab: string, dir: string) {
    this.netns = netns;
    this.#lab = lab;
    this.#dir = dir;
  }

  static async create(lab: string, dir: string): Promise<Fabric> {
    const netns = await Netns.create(lab, dir, 'fabric');
    await netns.sysctl({
      'ipv4.ip_forward': 1,
      'ipv6.conf.all.forwarding': 1,
      // Between two nodes the router sends on what came in by the same bridge: they need not be told of it.
      'ipv4.conf.all.send_redirects': 0,
      'ipv4.conf.default.send_redirects': 0,
    });
    await netns.ip([
      'link add br0 type bridge',
      ...plan.router.map((ip, i) => `addr add ${ip}/${plan.prefixLengths[i]} dev br0${v6(ip, ' nodad')}`),
      'link set br0 up',
    ]);
    return new Fabric(netns, lab, dir);
  }

  /** A namespace for a node, with the addresses on its eth0 and routed to. `link` names the fabric's end. */
  async attach(name: string, link: string, addresses: NodeAddresses): Promise<Netns> {
    const node = await Netns.create(this.#lab, this.#dir, name);
    await node.sysctl({
      'ipv4.ip_forward': 1,
      'ipv6.conf.all.forwarding': 1,
      // An IPv6 address serves at once, with no second of looking for its double.
      'ipv6.conf.default.accept_dad': 0,
    });
    await this.netns.ip([`link add ${link} type veth peer name eth0 netns ${node.path}`]);
    await this.netns.ip([`link set ${link} master br0 up`]);
    await node.ip([
      ...addresses.ips.map((ip, i) => `addr add ${ip}/${plan.prefixLengths[i]} dev eth0${v6(ip, ' nodad')}`),
      'link set eth0 up',
      ...addresses.ips.map((_, i) => `route add default via ${plan.router[i]}`),
    ]);
    return node;
  }

  /** Sends what goes to these networks to a node. */
  async routeVia(networks: PerFamily, node: PerFamily): Promise<void> {
    await this.netns.ip(networks.map((network, i) => `route replace ${network} via ${node[i]}`));
  }

  /** Where a server in the middle is reached from all nodes and pods. */
  get address(): string {
    return plan.router[0];
  }

  /** Cuts or mends a node's cable. */
  async setLink(link: string, state: 'up' | 'down'): Promise<void> {
    await this.netns.ip([`link set ${link} ${state}`]);
  }
}

const v6 = (ip: string, text: string): string => (ip.includes(':') ? text : '');
