import { parseIp } from '../api/cidr.ts';
import { parseClusterId } from '../api/identity.ts';
import type { SecretText } from '../api/secret-text.ts';
import type { CableDriverName } from '../api/tunnel.ts';
import type { ToolName } from '../host/requirements.ts';
import type { Run } from '../host/run.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Self } from './admit.ts';
import type { CableDriver } from './cable-driver.ts';
import { espBackend, IpsecDriver } from './drivers/ipsec.ts';
import { vxlanDriver } from './drivers/vxlan.ts';
import { WireguardDriver, wireguardInKernel } from './drivers/wireguard.ts';
import { type KeyRing, openKeyRing } from './key-ring.ts';
import { type KeyedDriver, makeKeyPair } from './keys.ts';

/** What a driver needs of its node. */
export interface DriverHost {
  readonly run: Run;
  readonly log: Log;
  readonly clock: Clock;
  /** Where the sockets and settings of programs are that it runs. */
  readonly stateDir: string;
}

export interface DriverSettings {
  readonly self: Self;
  /** Where its keys are kept. */
  readonly member: ObjectStore;
  readonly port?: number;
  readonly isBehindNat?: boolean;
  readonly preSharedKey?: SecretText;
}

/** Programs that must be there. */
export const toolsOf = (driver: CableDriverName): ToolName[] =>
  driver === 'ipsec' ? ['iproute2', 'nftables', 'strongswan'] : ['iproute2', 'nftables'];

const NOBODY = { cluster: parseClusterId('nobody'), gateway: 'nobody', privateIP: parseIp('127.0.0.1') };

/** @param settings undefined = only to clean up */
export async function openDriver(
  name: CableDriverName,
  settings: DriverSettings | undefined,
  host: DriverHost,
): Promise<CableDriver> {
  switch (name) {
    case 'vxlan':
      return vxlanDriver(settings?.port);
    case 'ipsec': {
      const keys = await keysOf(name, settings, host.clock);
      return new IpsecDriver({
        ...host,
        self: settings?.self ?? NOBODY,
        keys,
        backend: await espBackend(host.run),
        ...(settings?.port !== undefined && { port: settings.port }),
        ...(settings?.preSharedKey !== undefined && { preSharedKey: settings.preSharedKey }),
        ...(settings?.isBehindNat !== undefined && { isBehindNat: settings.isBehindNat }),
      });
    }
    case 'wireguard':
      return new WireguardDriver({
        ...host,
        keys: await keysOf(name, settings, host.clock),
        isInKernel: await wireguardInKernel(host.run),
        ...(settings?.port !== undefined && { port: settings.port }),
      });
    default:
      return name satisfies never;
  }
}

async function keysOf(
  driver: KeyedDriver,
  settings: DriverSettings | undefined,
  clock: Clock,
): Promise<KeyRing> {
  const now = clock.now();
  // To clean up no key is needed.
  if (settings === undefined) return { current: makeKeyPair(driver), since: now };
  return openKeyRing(settings.member, settings.self.gateway, driver, now);
}
