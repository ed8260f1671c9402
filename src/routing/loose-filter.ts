import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type DeviceName, isDeviceName } from '../host/device.ts';
import { INTRA_DEVICE } from '../host/marks.ts';
import type { Sysctls } from '../host/sysctl.ts';

const LOOSE = '2';

/** device → what its reverse path filter was before. */
type OldValues = Map<DeviceName, string>;

/**
 * Makes the reverse path filter loose where packets of other clusters arrive, which is not where the way back
 * to them begins. On a device 2 wins over `all` = 1, since the kernel takes the larger. What was there before
 * is kept in a file, and put back when a device no longer needs it.
 */
export class LooseFilter {
  readonly #sysctls: Sysctls;
  readonly #file: string;

  /** @param file where old values are kept; it must outlive the process, but not the boot */
  constructor(sysctls: Sysctls, file: string) {
    this.#sysctls = sysctls;
    this.#file = file;
  }

  /** @returns the devices whose value had to be set. May be repeated. */
  async set(devices: readonly DeviceName[]): Promise<DeviceName[]> {
    const old = await this.#read();
    const set: DeviceName[] = [];
    for (const device of devices) {
      const value = await this.#sysctls.read(nameOf(device));
      if (value === undefined || value === LOOSE) continue;
      // First the note, then the act: a crash between leaves a note of what is still so.
      if (!old.has(device) && device !== INTRA_DEVICE) {
        old.set(device, value);
        await this.#write(old);
      }
      await this.#sysctls.write(nameOf(device), LOOSE);
      set.push(device);
    }
    await this.#restore(old, (device) => !devices.includes(device));
    return set;
  }

  /** Puts back all that was changed. */
  async restore(): Promise<void> {
    await this.#restore(await this.#read(), () => true);
  }

  async #restore(old: OldValues, which: (device: DeviceName) => boolean): Promise<void> {
    const before = old.size;
    for (const [device, value] of old) {
      if (!which(device)) continue;
      // Whoever has set something else meanwhile means it.
      if ((await this.#sysctls.read(nameOf(device))) === LOOSE) {
        await this.#sysctls.write(nameOf(device), value);
      }
      old.delete(device);
    }
    if (old.size !== before) await this.#write(old);
  }

  async #read(): Promise<OldValues> {
    let text: string;
    try {
      text = await readFile(this.#file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
      throw error;
    }
    const entries = text.split('\n').map((line) => line.split(' '));
    return new Map(
      entries.flatMap(([device = '', value = '']) =>
        isDeviceName(device) && /^[012]$/.test(value) ? [[device, value] as const] : [],
      ),
    );
  }

  async #write(old: OldValues): Promise<void> {
    if (old.size === 0) {
      await rm(this.#file, { force: true });
      return;
    }
    await mkdir(dirname(this.#file), { recursive: true });
    const text = [...old].map(([device, value]) => `${device} ${value}\n`).join('');
    await writeFile(`${this.#file}.new`, text, { mode: 0o600 });
    await rename(`${this.#file}.new`, this.#file);
  }
}

const nameOf = (device: DeviceName): string => `net/ipv4/conf/${device}/rp_filter`;
