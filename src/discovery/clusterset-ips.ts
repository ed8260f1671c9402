/** Gives each imported service its clusterset IP: {@link Allocations}, with a memory that survives the agent. */
import type { ConfigMap } from '../api/administration.ts';
import { type Cidr, familyOf, type IpAddress, parseIp } from '../api/cidr.ts';
import { ipFamily } from '../api/ip.ts';
import { Kinds } from '../api/kinds.ts';
import type { IpFamily, ServiceImport } from '../api/objects.ts';
import type { Log } from '../observability/log.ts';
import { backoffMs } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { type ObjectStore, StoreError } from '../store/store.ts';
import { AddressPool } from './address-pool.ts';
import { Allocations, type Held, REST_MS } from './allocations.ts';
import { formatLedger, type Ledger, LEDGER_REF, parseLedger } from './ip-ledger.ts';

export interface ClustersetIpsOptions {
  /** Networks to give out addresses of, of either family or both. */
  readonly cidrs: readonly Cidr[];
  readonly store: ObjectStore;
  /** Unique to this agent. */
  readonly epoch: string;
  /** Asked to look at a service again that found no free address: there may be one now. */
  readonly onFree: (service: string) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

const BACKOFF = { baseMs: 100, maxMs: 10_000 };
/** Kubernetes takes a mebibyte of a ConfigMap. */
const MAX_CHARACTERS = 900_000;

/**
 * A service's address stands in its ServiceImport. It is written down in the ledger before it gets there, so
 * that an agent that takes over knows of every address that the one before it gave out, also where that one
 * is still about to write it: the ledger has one writer at a time, the one whose epoch is in it.
 */
export class ClustersetIps {
  readonly #options: ClustersetIpsOptions;
  readonly #allocations: Allocations;
  readonly #pending = new Map<string, readonly IpAddress[]>(); // service → addresses on their way to its import
  readonly #unwritten = new Set<string>(); // services whose change is not in the ledger yet
  readonly #lacking = new Set<string>(); // services that found no free address
  readonly #startedAt: { readonly wall: number; readonly monotonic: number };
  /** The ledger as last written or read; undefined where there is none. */
  #stored: ConfigMap | undefined;
  #writing: Promise<void> | undefined;
  #isOvertaken = false;
  #cancelWaking: (() => void) | undefined; // while services wait for an address that rests

  constructor(options: ClustersetIpsOptions) {
    this.#options = options;
    const { clock, cidrs } = options;
    this.#startedAt = { wall: clock.now(), monotonic: clock.monotonic() };
    const of = (family: IpFamily) => cidrs.filter((cidr) => familyOf(cidr) === family);
    const pool = (family: IpFamily) =>
      of(family).length === 0 ? {} : { [family]: new AddressPool(of(family)) };
    this.#allocations = new Allocations({ ...pool('IPv4'), ...pool('IPv6') });
  }

  /** How many addresses are held, resting and free, of each family that has any. */
  get counts(): readonly (readonly [family: IpFamily, counts: ReturnType<Allocations['count']>])[] {
    return FAMILIES.filter((family) => this.#options.cidrs.some((cidr) => familyOf(cidr) === family)).map(
      (family) => [family, this.#allocations.count(family)],
    );
  }

  /** Services that found no free address. */
  get lacking(): number {
    return this.#lacking.size;
  }

  /** The services that have addresses, with an import or not. */
  services(): IterableIterator<string> {
    return this.#allocations.services();
  }

  /**
   * Makes this agent the only one of its cluster that gives out addresses, and learns what its predecessor
   * was about to do. To be called before the imports are listed. Resolves when that is so or `signal` aborts.
   */
  async takeOver(signal: AbortSignal): Promise<void> {
    const { store, clock, random, log, epoch } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      try {
        const found = await store.get(Kinds.ConfigMap, LEDGER_REF);
        const ledger = found && parseLedger(found);
        this.#stored = await this.#put(found, {
          epoch,
          pending: ledger?.pending ?? new Map(),
          resting: ledger?.resting ?? [],
        });
        for (const [service, ips] of ledger?.pending ?? []) {
          this.#allocations.adopt(service, ips);
          this.#pending.set(service, ips);
        }
        const latest = this.#now() + REST_MS;
        for (const resting of ledger?.resting ?? []) {
          // The clock may have been wrong when this was written.
          this.#allocations.rest({ ...resting, until: Math.min(resting.until, latest) });
        }
        return;
      } catch (err) {
        failures++;
        const fields = { ...LEDGER_REF, err };
        if (failures === 1) log.warn(fields, 'The ledger of clusterset IPs cannot be taken over yet');
        else log.debug(fields, 'The ledger of clusterset IPs still cannot be taken over');
        await clock.sleep(backoffMs(BACKOFF, failures, random()), signal);
      }
    }
  }

  /** Learns what an import shows, at the start and where the import is somebody else's. */
  adopt(service: string, { spec }: ServiceImport): void {
    // What is on its way to the import is younger than what it shows.
    if (this.#pending.has(service)) return;
    const ips = (spec.ips ?? []).filter((ip) => ipFamily(ip) !== undefined).map(parseIp);
    this.#allocations.adopt(service, ips);
  }

  /**
   * The addresses of a service; a new one is in the ledger when this resolves.
   *
   * @param shown what its import shows now: that is taken away only by the agent that gives out addresses, else two
   *   that both think so would undo each other's writes for as long as they live
   */
  async hold(service: string, families: readonly IpFamily[], shown: readonly string[] = []): Promise<Held> {
    const before = this.#allocations.of(service);
    const held = this.#allocations.hold(service, families, this.#now());
    if (held.ips.join() !== before.join()) {
      this.#pending.set(service, held.ips);
      this.#unwritten.add(service);
    }
    if (held.lacking.some(({ why }) => why === 'exhausted')) this.#lacking.add(service);
    else this.#lacking.delete(service);
    this.#scheduleWaking();
    if (shown.some((ip) => !held.ips.some((mine) => mine === ip))) await this.#proveLead();
    if (this.#unwritten.has(service)) await this.#write();
    return held;
  }

  /** The service's import shows its addresses now. */
  confirm(service: string): void {
    this.#pending.delete(service);
  }

  /** The service is gone; to be called before its import is removed. Its addresses rest when this resolves. */
  async release(service: string): Promise<void> {
    this.#lacking.delete(service);
    this.#pending.delete(service);
    if (this.#allocations.release(service, this.#now())) this.#unwritten.add(service);
    this.#scheduleWaking();
    if (this.#unwritten.has(service)) await this.#write();
  }

  /** Nobody is told any more. */
  close(): void {
    this.#cancelWaking?.();
  }

  /** Who found no free address looks again when the first one has rested. */
  #scheduleWaking(): void {
    if (this.#lacking.size === 0 || this.#cancelWaking !== undefined) return;
    let first = Infinity;
    for (const { until } of this.#allocations.resting()) first = Math.min(first, until);
    if (first === Infinity) return;
    this.#cancelWaking = this.#options.clock.after(Math.max(0, first - this.#now()) + 1, () => {
      this.#cancelWaking = undefined;
      for (const service of this.#lacking) this.#options.onFree(service);
      this.#lacking.clear();
    });
  }

  /** Of a clock that began right and never jumps. */
  #now(): number {
    const { wall, monotonic } = this.#startedAt;
    return Math.floor(wall + this.#options.clock.monotonic() - monotonic);
  }

  /** @throws StoreError `conflict` where the ledger is another agent's */
  async #proveLead(): Promise<void> {
    const found = await this.#options.store.get(Kinds.ConfigMap, LEDGER_REF);
    if (found !== undefined && parseLedger(found).epoch !== this.#options.epoch) this.#isOvertaken = true;
    if (this.#isOvertaken) throw overtaken();
  }

  /** Writes all that is not in the ledger yet; who comes while a write is under way shares the next one. */
  async #write(): Promise<void> {
    if (this.#writing !== undefined) await this.#writing.catch(() => {});
    if (this.#unwritten.size === 0) return;
    this.#writing ??= this.#writeNow().finally(() => (this.#writing = undefined));
    await this.#writing;
  }

  async #writeNow(): Promise<void> {
    const { epoch, store } = this.#options;
    const written = [...this.#unwritten];
    this.#allocations.wake(this.#now());
    const ledger = { epoch, pending: new Map(this.#pending), resting: [...this.#allocations.resting()] };
    for (let attempt = 1; ; attempt++) {
      if (this.#isOvertaken) throw overtaken();
      try {
        this.#stored = await this.#put(this.#stored, ledger);
        for (const service of written) this.#unwritten.delete(service);
        return;
      } catch (error) {
        if (!(error instanceof StoreError && error.code === 'conflict') || attempt === 3) throw error;
        // Somebody mended it by hand, or an answer of ours was lost, or another agent has taken over.
        this.#stored = await store.get(Kinds.ConfigMap, LEDGER_REF);
        const found = this.#stored && parseLedger(this.#stored).epoch;
        if (found !== undefined && found !== epoch) this.#isOvertaken = true;
      }
    }
  }

  #put(known: ConfigMap | undefined, ledger: Ledger): Promise<ConfigMap> {
    const content = formatLedger(ledger);
    const size = Object.values(content.data ?? {}).reduce((sum, text) => sum + text.length, 0);
    if (size > MAX_CHARACTERS) {
      throw new StoreError(
        'unavailable',
        'Too many clusterset IPs rest at the same time; this waits for them',
        {
          retryAfterSeconds: 30,
        },
      );
    }
    const { uid, resourceVersion } = known?.metadata ?? {};
    if (resourceVersion === undefined) {
      return this.#options.store.apply(Kinds.ConfigMap, content, { if: 'absent' });
    }
    const metadata = { ...content.metadata, ...(uid !== undefined && { uid }) };
    return this.#options.store.apply(Kinds.ConfigMap, { ...content, metadata }, { if: { resourceVersion } });
  }
}

const FAMILIES: readonly IpFamily[] = ['IPv4', 'IPv6'];

const overtaken = (): StoreError =>
  new StoreError(
    'conflict',
    `Another agent of this cluster has taken over giving out clusterset IPs (ConfigMap ${LEDGER_REF.namespace}/${LEDGER_REF.name}); ` +
      'where several run, each needs --leader-elect',
  );
