/**
 * Changes to a node's links, addresses, routes and rules, as data, and as the input of `ip -batch` and
 * `bridge -batch`. Steps run in order and each replaces what is there, so that a plan may be run again.
 */
import { type Cidr, type IpAddress, bitsOf, familyOf } from '../api/cidr.ts';
import type { IpFamily } from '../api/objects.ts';
import type { DeviceName, LinkAlias, Mac } from './device.ts';
import { ROUTE_PROTOCOL } from './marks.ts';
import type { Run } from './run.ts';

export interface VxlanSettings {
  readonly kind: 'vxlan';
  readonly vni: number;
  readonly port: number;
  readonly local: IpAddress;
  /** The other end, where there is only one. */
  readonly remote?: IpAddress;
  /** The device that carries it, where that is not left to the routes. */
  readonly device?: DeviceName;
}

export type LinkSettings = VxlanSettings | { readonly kind: 'wireguard' };

/** Where packets of a route or nexthop go: to a neighbour that is reached by `device`, or out of the device. */
export interface Hop {
  readonly device: DeviceName;
  readonly via?: IpAddress;
}

export type IpStep =
  | {
      readonly op: 'add-link';
      readonly device: DeviceName;
      readonly alias: LinkAlias;
      readonly mtu: number;
      readonly mac?: Mac;
      readonly settings: LinkSettings;
    }
  | {
      readonly op: 'set-link';
      readonly device: DeviceName;
      readonly mtu?: number;
      readonly alias?: LinkAlias;
    }
  | { readonly op: 'up'; readonly device: DeviceName }
  | { readonly op: 'remove-link'; readonly device: DeviceName }
  | { readonly op: 'replace-address'; readonly device: DeviceName; readonly ip: IpAddress }
  | { readonly op: 'remove-address'; readonly device: DeviceName; readonly ip: IpAddress }
  | {
      readonly op: 'replace-neighbour' | 'remove-neighbour';
      readonly device: DeviceName;
      readonly ip: IpAddress;
      readonly mac: Mac;
    }
  | ({ readonly op: 'replace-nexthop'; readonly id: number } & Hop)
  | { readonly op: 'remove-nexthop'; readonly id: number }
  | {
      readonly op: 'replace-route';
      readonly destination: Cidr;
      readonly table: number;
      readonly to: { readonly nexthop: number } | Hop;
      /** Larger packets are cut or refused on the way in, whatever the device takes. */
      readonly mtu?: number;
    }
  /** A route that drops what goes there. */
  | { readonly op: 'replace-hole'; readonly destination: Cidr; readonly table: number }
  | { readonly op: 'remove-route'; readonly destination: Cidr; readonly table: number }
  | {
      readonly op: 'add-rule' | 'remove-rule';
      readonly family: IpFamily;
      readonly priority: number;
      readonly table: number;
    }
  /** Frames to `mac` go to the host `remote`; of `bridge`, not `ip`. */
  | {
      readonly op: 'append-forwarding' | 'remove-forwarding';
      readonly device: DeviceName;
      readonly mac: Mac;
      readonly remote: IpAddress;
    };

/** For what has no address in it, such as a rule, and would mean IPv4. */
const flag = (family: IpFamily): string => (family === 'IPv4' ? '-4' : '-6');
const proto = `protocol ${ROUTE_PROTOCOL}`;

/** What a step is in the words of ip(8) or bridge(8), without the program's name. */
export function ipStepText(step: IpStep): string {
  switch (step.op) {
    case 'add-link':
      return line(
        `link add ${step.device}`,
        step.mac !== undefined && `address ${step.mac}`,
        `mtu ${step.mtu} type ${linkText(step.settings)}`,
      );
    case 'set-link':
      return line(
        `link set ${step.device}`,
        step.mtu !== undefined && `mtu ${step.mtu}`,
        step.alias !== undefined && `alias ${step.alias}`,
      );
    case 'up':
      return `link set ${step.device} up`;
    case 'remove-link':
      return `link del ${step.device}`;
    case 'replace-address':
      // Looking for a double of an address that is ours by construction would only delay it.
      return line(
        `address replace ${whole(step.ip)} dev ${step.device}`,
        familyOf(step.ip) === 'IPv6' && 'nodad',
      );
    case 'remove-address':
      return `address del ${whole(step.ip)} dev ${step.device}`;
    case 'replace-neighbour':
      return `neighbour replace ${step.ip} lladdr ${step.mac} dev ${step.device} nud permanent`;
    case 'remove-neighbour':
      return `neighbour del ${step.ip} dev ${step.device}`;
    case 'replace-nexthop':
      return `nexthop replace id ${step.id} ${hopText(step)} ${proto}`;
    case 'remove-nexthop':
      return `nexthop del id ${step.id}`;
    case 'replace-route': {
      const to = 'nexthop' in step.to ? `nhid ${step.to.nexthop}` : hopText(step.to);
      // Without "lock" it does not count for IPv6 packets that are forwarded, nor for any before Linux 5.10.
      const mtu = step.mtu !== undefined && `mtu lock ${step.mtu}`;
      return line(`route replace ${step.destination} ${to}`, mtu, `table ${step.table} ${proto}`);
    }
    case 'replace-hole':
      return `route replace blackhole ${step.destination} table ${step.table} ${proto}`;
    case 'remove-route':
      return `route del ${step.destination} table ${step.table} ${proto}`;
    case 'add-rule':
    case 'remove-rule':
      return `rule ${step.op === 'add-rule' ? 'add' : 'del'} priority ${step.priority} lookup ${step.table} ${proto}`;
    case 'append-forwarding':
      return `fdb append ${step.mac} dev ${step.device} dst ${step.remote} self permanent`;
    case 'remove-forwarding':
      return `fdb del ${step.mac} dev ${step.device} dst ${step.remote} self`;
    default:
      return step satisfies never;
  }
}

const line = (...parts: (string | false)[]): string => parts.filter((part) => part !== false).join(' ');
const whole = (ip: IpAddress): string => `${ip}/${bitsOf(familyOf(ip))}`;

function hopText({ device, via }: Hop): string {
  return line(via !== undefined && `via ${via}`, `dev ${device}`, via !== undefined && 'onlink');
}

function linkText(settings: LinkSettings): string {
  if (settings.kind === 'wireguard') return 'wireguard';
  const { vni, port, local, remote, device } = settings;
  return line(
    `vxlan id ${vni} dstport ${port} local ${local}`,
    remote !== undefined && `remote ${remote}`,
    device !== undefined && `dev ${device}`,
    'nolearning',
  );
}

/** The family that a step is about; undefined where it is about none. */
function familyOfStep(step: IpStep): IpFamily | undefined {
  if ('family' in step) return step.family;
  if ('ip' in step) return familyOf(step.ip);
  if ('destination' in step) return familyOf(step.destination);
  return step.op === 'replace-nexthop' && step.via !== undefined ? familyOf(step.via) : undefined;
}

interface Batch {
  readonly program: 'ip' | 'bridge';
  family: IpFamily | undefined;
  readonly lines: string[];
}

/** Neighbouring steps of one program and family go in one batch; where there is no family any will do. */
export function batches(steps: readonly IpStep[]): readonly Readonly<Batch>[] {
  const made: Batch[] = [];
  const add = (program: Batch['program'], family: IpFamily | undefined, text: string): void => {
    const last = made.at(-1);
    const joins = last?.family === undefined || family === undefined || last.family === family;
    if (last?.program === program && joins) {
      last.family ??= family;
      last.lines.push(text);
    } else made.push({ program, family, lines: [text] });
  };
  for (const step of steps) {
    const program = step.op === 'append-forwarding' || step.op === 'remove-forwarding' ? 'bridge' : 'ip';
    add(program, program === 'bridge' ? undefined : familyOfStep(step), ipStepText(step));
    // `link add` takes no alias; a link without its mark for a moment is of no harm, one for ever would be.
    if (step.op === 'add-link') add('ip', undefined, `link set ${step.device} alias ${step.alias}`);
  }
  return made;
}

/**
 * Runs the steps in order, in as few processes as they allow. What comes after a failing step is not run.
 * @throws CommandError
 */
export async function applyIpSteps(run: Run, steps: readonly IpStep[], signal?: AbortSignal): Promise<void> {
  for (const { program, family, lines } of batches(steps)) {
    const args = [...(family === undefined ? [] : [flag(family)]), '-batch', '-'];
    await run(program, args, { input: `${lines.join('\n')}\n`, ...(signal !== undefined && { signal }) });
  }
}
