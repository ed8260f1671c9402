import { familyOf, type IpAddress } from '../api/cidr.ts';
import { type Connection, isUp } from '../api/tunnel.ts';
import { applyIpSteps } from '../host/ip-steps.ts';
import { readAddresses, readLinks, readPathMtu } from '../host/ip-state.ts';
import { applyNft } from '../host/nft.ts';
import type { Run } from '../host/run.ts';
import type { Sysctls } from '../host/sysctl.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Member, PeerGateway, Refusal, Self } from './admit.ts';
import type { CableDriver } from './cable-driver.ts';
import { chooseGateway } from './choose-gateway.ts';
import { innerAddress, keyOfGateway } from './gateway-ref.ts';
import { guardRuleset, NO_GUARD } from './guard.ts';
import type { ProbeTimes } from './link-health.ts';
import { adopt, type Cable, NOTHING, numberClusters, planTunnels, type TunnelPlan } from './plan-tunnels.ts';
import { Probes } from './probes.ts';
import { planHost, readKernelState, type TunnelHost, tunnelHostOf } from './tunnel-host.ts';

export interface TunnelsOptions {
  readonly self: Self;
  readonly driver: CableDriver;
  readonly run: Run;
  readonly sysctls: Sysctls;
  readonly times: ProbeTimes;
  readonly clock: Clock;
  readonly log: Log;
  /** Told after each change of what {@link Tunnels.connections} says, and of nothing else. */
  readonly onChange: () => void;
}

/** Plain numbers since the start, for metrics. */
export interface TunnelCounters {
  /** How often traffic left a gateway for another one, or for none. */
  failovers: number;
  /** Steps that put back what others had changed. */
  repairs: number;
  failures: number;
}

/** A tunnel that is silent for so long is dialled again, at the next of the peer's addresses. */
const REDIAL_MS = 3000;
/**
 * Where a peer has several addresses and has not answered yet, the first is given so long, the next one twice
 * as long, and so on up to {@link REDIAL_MS}: which of them works is not known, and most often it is quick to tell.
 */
const FIRST_DIAL_MS = 500;
const RETRY_MS = 500;
/** Everything is compared with the kernel's state at least so often. */
const COMPARE_MS = 30_000;
const LOOK_AFTER_MS = 300;

/**
 * Keeps this node's tunnels as {@link planTunnels} wants them, and sends to gateways that answer. It has no
 * memory that the node does not have: another process may take over at any moment.
 */
export class Tunnels {
  readonly counters: TunnelCounters = { failovers: 0, repairs: 0, failures: 0 };
  readonly #options: TunnelsOptions;
  readonly #probes: Probes;
  #members: readonly Member[] | undefined;
  #plan: TunnelPlan | undefined;
  /** What the kernel has, as far as is known; undefined = to be read. */
  #applied: TunnelHost | undefined;
  #guard = '';
  #isAdopted = false;
  #chosen: ReadonlyMap<string, string> = new Map(); // cluster → gateway
  #numbers: ReadonlyMap<string, number> = new Map(); // cluster → number of its nexthops
  readonly #addresses = new Map<string, IpAddress>(); // cable's key → the address that is dialled
  readonly #mtus = new Map<string, number>(); // cable's key → the largest packet that gets through
  readonly #untold = new Set<string>(); // keys of cables on whose way no router tells what does not fit
  readonly #measured = new Map<string, number>(); // cable's key → findings that were looked at
  #isMeasuring = false;
  readonly #moved = new Set<string>(); // keys of silent cables for which that has just changed
  readonly #dialled = new Map<string, number>(); // cable's key → when
  readonly #tries = new Map<string, number>(); // cable's key → addresses tried since it last answered
  #failures: ReadonlyMap<string, string> = new Map(); // cable's key → why the driver does not carry it
  #problem: string | undefined;
  #mtu = 0;
  #wake = (): void => {};
  #isDirty = false;
  #said = '';
  #lookSoon: (() => void) | undefined;

  constructor(options: TunnelsOptions) {
    this.#options = options;
    this.#probes = new Probes({
      local: innerAddress(options.self),
      times: options.times,
      clock: options.clock,
      log: options.log,
      onChange: () => this.#onHealth(),
    });
  }

  /** The other clusters and their gateways, all of them. */
  setMembers(members: readonly Member[]): void {
    for (const { gateways } of members) for (const peer of gateways) this.#followAddress(peer);
    this.#members = members;
    this.#touch();
  }

  /** A peer whose address has changed is dialled at the one that has taken its place: a public one after a public one. */
  #followAddress(peer: PeerGateway): void {
    const key = keyOfGateway(peer);
    const dialled = this.#addresses.get(key);
    if (dialled === undefined || peer.addresses.includes(dialled)) return;
    const before = this.#plan?.cables.find((cable) => cable.key === key)?.peer.addresses ?? [];
    const next = peer.addresses[before.indexOf(dialled)] ?? peer.addresses.at(-1);
    if (next !== undefined) this.#addresses.set(key, next);
  }

  /** What the driver is to do has changed. */
  refresh(): void {
    this.#touch();
  }

  /** Something on the node has changed, maybe by others: look soon. */
  look(): void {
    if (this.#lookSoon !== undefined) return;
    this.#lookSoon = this.#options.clock.after(LOOK_AFTER_MS, () => {
      this.#lookSoon = undefined;
      this.#applied = undefined;
      this.#touch();
    });
  }

  get refused(): readonly Refusal[] {
    return this.#plan?.refused ?? [];
  }

  /** By cluster and gateway. */
  get connections(): readonly Connection[] {
    const now = this.#options.clock.monotonic();
    const wall = this.#options.clock.now();
    return (this.#plan?.cables ?? []).map((cable): Connection => {
      const { cluster, gateway, driver } = cable.peer;
      const health = this.#probes.health(cable.key);
      const failure = this.#failures.get(cable.key) ?? this.#problem;
      const state = health?.state ?? 'connecting';
      const up = isUp({ state });
      const caveat = up ? this.#options.driver.caveat : undefined;
      const reason = [up ? undefined : failure, health?.reason, caveat]
        .filter((text) => text !== undefined)
        .join('; ');
      return {
        cluster,
        gateway,
        driver,
        state: !up && failure !== undefined ? 'error' : state,
        ...(reason !== '' && { reason }),
        since: new Date(wall - (now - (health?.since ?? now))).toISOString(),
        ...(health?.roundTripMs !== undefined && {
          roundTripMs: rounded(health.roundTripMs),
          jitterMs: rounded(health.jitterMs),
        }),
        ...(health !== undefined && { loss: rounded(health.loss) }),
        mtu: cable.mtu,
        device: cable.device,
      };
    });
  }

  /** cluster → gateway that is sent to now */
  get chosen(): ReadonlyMap<string, string> {
    return this.#chosen;
  }

  /** Works until `signal` aborts; leaves everything on the node as it is then. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, driver } = this.#options;
    let started = false;
    while (!signal.aborted) {
      this.#isDirty = false;
      try {
        if (!started) await driver.start();
        started = true;
        if (this.#members !== undefined) await this.#refresh();
        if (this.#problem !== undefined) log.info({}, 'The node is as it should be again');
        this.#problem = undefined;
      } catch (err) {
        this.counters.failures++;
        this.#applied = undefined;
        const problem = (err as Error).message;
        if (problem !== this.#problem) log.error({ err }, 'Cannot bring the tunnels up; will be tried again');
        this.#problem = problem;
        this.#announce();
        await clock.sleep(RETRY_MS, signal);
        continue;
      }
      this.#announce();
      if (!this.#isDirty) await this.#sleep(signal);
    }
    this.#lookSoon?.();
    this.#probes[Symbol.dispose]();
    await driver.stop();
  }

  /** Removes all that tunnels left on this node, whoever made it. */
  static async cleanup(run: Run, driver: CableDriver): Promise<void> {
    await driver.cleanup();
    await applyIpSteps(run, planHost(tunnelHostOf(await readKernelState(run)), NOTHING));
    await applyNft(run, NO_GUARD);
  }

  async #refresh(): Promise<void> {
    const { self, driver, run, log } = this.#options;
    const members = this.#members ?? [];
    const actual = this.#applied ?? tunnelHostOf(await readKernelState(run));
    const trusted = new Set<string>();
    if (!this.#isAdopted) {
      this.#isAdopted = true;
      const adopted = adopt(actual, members);
      this.#chosen = adopted.chosen;
      this.#numbers = adopted.numbers;
      for (const [key, mtu] of adopted.mtus) this.#mtus.set(key, mtu);
      for (const [cluster, gateway] of adopted.chosen) trusted.add(`${cluster}/${gateway}`);
      if (trusted.size > 0)
        log.info({ gateways: [...trusted] }, 'Took over the tunnels of an earlier process');
    }
    this.#numbers = numberClusters(
      members.map(({ cluster }) => cluster),
      this.#numbers,
    );
    const underlayMtu =
      this.#plan === undefined || this.#applied === undefined ? await this.#readMtu() : this.#mtu;
    this.#mtu = underlayMtu;
    const planOf = (): TunnelPlan =>
      planTunnels({
        self,
        members,
        carrier: driver.carrier,
        underlayMtu,
        addresses: this.#addresses,
        mtus: this.#mtus,
        untold: this.#untold,
        chosen: this.#chosen,
        numbers: this.#numbers,
      });
    // Whom to send to follows from who answers, and who is asked from the plan.
    let plan = planOf();
    this.#plan = plan;
    const keys = new Set(plan.cables.map(({ key }) => key));
    for (const measured of [this.#mtus, this.#measured, this.#untold]) {
      for (const key of measured.keys()) if (!keys.has(key)) measured.delete(key);
    }
    this.#probes.set(plan.cables, { trusted, mtus: this.#mtus });
    this.#chosen = this.#choose(plan.cables);
    plan = planOf();
    this.#plan = plan;
    const steps = planHost(actual, plan.host);
    if (this.#applied === undefined && this.#guard !== '') {
      this.counters.repairs += steps.length;
      if (!(await this.#hasGuard())) this.#guard = '';
    }
    this.#applied = undefined;
    await applyIpSteps(run, steps);
    this.#applied = plan.host;
    for (const step of steps) {
      // Asymmetric ways are normal among gateways; the kernel takes the larger of this and "all".
      if (step.op === 'add-link')
        await this.#options.sysctls.write(`net/ipv4/conf/${step.device}/rp_filter`, '2');
    }
    const ruleset = guardRuleset(self, members, plan.cables, driver);
    if (ruleset.text !== this.#guard) await applyNft(run, ruleset);
    this.#guard = ruleset.text;
    const silent = new Set(this.#moved);
    this.#moved.clear();
    this.#failures = await driver.set(plan.cables, silent);
    await this.#redialSilent(plan.cables);
  }

  async #hasGuard(): Promise<boolean> {
    try {
      await this.#options.run('nft', ['-t', 'list', 'table', 'inet', 'ph_gateway']);
      return true;
    } catch {
      return false;
    }
  }

  async #readMtu(): Promise<number> {
    const { self, run } = this.#options;
    const [addresses, links] = await Promise.all([readAddresses(run), readLinks(run)]);
    const device = addresses.find(({ ip }) => ip === self.privateIP)?.device;
    const link = links.find(({ name }) => name === device);
    if (link === undefined) {
      throw new Error(
        `No device of this node has the address ${self.privateIP}; give the right one with --node-ip`,
      );
    }
    return link.mtu;
  }

  /**
   * Takes over what probes have found out of the largest packets. A kernel that a router has told cuts the tunnel's
   * packets, so that larger ones get through as well, two for one: it is asked before they are believed.
   */
  async #measure(): Promise<void> {
    if (this.#isMeasuring) return;
    this.#isMeasuring = true;
    const { driver, run, clock, log } = this.#options;
    try {
      for (;;) {
        const cable = this.#plan?.cables.find(({ key }) => this.#hasMeasured(key));
        if (cable === undefined) return;
        const { key, remote, peer, room } = cable;
        const path = this.#probes.path(key);
        if (path === undefined) continue;
        this.#measured.set(key, path.findings);
        const told = await readPathMtu(run, remote);
        if (told !== undefined)
          path.limit(told - driver.carrier.overhead[familyOf(remote)], clock.monotonic());
        const before = this.#mtus.get(key) ?? room;
        const wasUntold = this.#untold.has(key);
        if (path.isTold || path.mtu === room) this.#untold.delete(key);
        else if (path.isSettled) this.#untold.add(key);
        if (path.mtu !== before) {
          log.info(
            { cluster: peer.cluster, peer: peer.gateway, mtu: path.mtu, from: before },
            'The largest packet that gets through is another one',
          );
        }
        if (path.mtu !== before || this.#untold.has(key) !== wasUntold) this.#touch();
        this.#mtus.set(key, path.mtu);
      }
    } catch (err) {
      log.warn({ err }, 'Cannot find out how large packets may be');
    } finally {
      this.#isMeasuring = false;
    }
  }

  /** Whether probes have found out something that was not looked at. */
  #hasMeasured(key: string): boolean {
    const path = this.#probes.path(key);
    return path !== undefined && path.findings !== (this.#measured.get(key) ?? 0);
  }

  #choose(cables: readonly Cable[]): ReadonlyMap<string, string> {
    const now = this.#options.clock.monotonic();
    const chosen = new Map<string, string>();
    for (const cluster of new Set(cables.map(({ peer }) => peer.cluster))) {
      const candidates = cables
        .filter(({ peer }) => peer.cluster === cluster)
        .map(({ key, peer: { gateway, preferred, epoch } }) => {
          const health = this.#probes.health(key);
          const isAlive = health?.isAlive(now) === true;
          return { gateway, preferred, epoch, isAlive, isSettled: health?.isSettled(now) === true };
        });
      const gateway = chooseGateway(candidates, this.#chosen.get(cluster));
      const last = this.#chosen.get(cluster);
      if (gateway !== undefined) chosen.set(cluster, gateway);
      else if (last !== undefined && this.#isAlive(cables, cluster, last, now)) chosen.set(cluster, last);
    }
    return chosen;
  }

  /** Where there is no other way a silence is borne twice as long: it may be this node that is too busy. */
  #isAlive(cables: readonly Cable[], cluster: string, gateway: string, now: number): boolean {
    const cable = cables.find(({ peer }) => peer.cluster === cluster && peer.gateway === gateway);
    return cable !== undefined && this.#probes.health(cable.key)?.isAlive(now, 2) === true;
  }

  /** The next address of a peer that does not answer, and the driver's own way to begin again. */
  async #redialSilent(cables: readonly Cable[]): Promise<void> {
    const { clock, driver, log } = this.#options;
    const now = clock.monotonic();
    for (const cable of cables) {
      const since = this.#dialled.get(cable.key);
      const isSilent = this.#probes.health(cable.key)?.isAlive(now) !== true;
      if (since === undefined || !isSilent) {
        this.#dialled.set(cable.key, now);
        if (!isSilent) this.#tries.delete(cable.key);
        continue;
      }
      const { addresses } = cable.peer;
      const tries = this.#tries.get(cable.key) ?? 0;
      const patience = addresses.length === 1 ? REDIAL_MS : Math.min(REDIAL_MS, FIRST_DIAL_MS * 2 ** tries);
      if (now - since < patience) continue;
      this.#dialled.set(cable.key, now);
      this.#tries.set(cable.key, tries + 1);
      const next = addresses[(addresses.indexOf(cable.remote) + 1) % addresses.length];
      if (next !== undefined && next !== cable.remote) {
        log.info(
          { cluster: cable.peer.cluster, peer: cable.peer.gateway },
          'A gateway does not answer: trying its other address',
        );
        this.#addresses.set(cable.key, next);
        this.#moved.add(cable.key);
        this.#touch();
      } else await driver.redial(cable);
    }
  }

  #onHealth(): void {
    const plan = this.#plan;
    if (plan === undefined) return;
    const chosen = this.#choose(plan.cables);
    for (const [cluster, gateway] of this.#chosen) {
      const other = chosen.get(cluster);
      if (other === gateway) continue;
      this.counters.failovers++;
      this.#options.log.info({ cluster, peer: gateway, instead: other ?? 'none' }, 'Leaving a gateway');
    }
    if (!sameMap(chosen, this.#chosen)) {
      this.#chosen = chosen;
      this.#touch();
    }
    if (plan.cables.some(({ key }) => this.#hasMeasured(key))) void this.#measure();
    this.#announce();
  }

  #announce(): void {
    // Round trips change with each probe; what a reader acts on does not.
    const said = JSON.stringify(
      this.connections.map(({ cluster, gateway, state, reason, device, mtu }) => [
        cluster,
        gateway,
        state,
        reason,
        device,
        mtu,
      ]),
    );
    if (said === this.#said) return;
    this.#said = said;
    this.#options.onChange();
  }

  #touch(): void {
    this.#isDirty = true;
    this.#wake();
  }

  async #sleep(signal: AbortSignal): Promise<void> {
    const awake = new AbortController();
    this.#wake = () => awake.abort();
    const either = AbortSignal.any([signal, awake.signal]);
    // Silent tunnels are looked at more often than the node.
    const end = this.#options.clock.monotonic() + COMPARE_MS;
    while (!either.aborted && this.#options.clock.monotonic() < end) {
      await this.#options.clock.sleep(RETRY_MS, either);
      if (!either.aborted && this.#plan !== undefined) {
        try {
          await this.#redialSilent(this.#plan.cables);
        } catch (err) {
          this.#options.log.warn({ err }, 'Cannot dial a gateway again');
        }
      }
    }
    if (!either.aborted) {
      this.#applied = undefined;
      // The kernel may have been told meanwhile.
      this.#measured.clear();
    }
    this.#wake = () => {};
  }
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

const sameMap = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
