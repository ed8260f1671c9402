import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** The distribution's Chromium, without a window: `requirePackages(['chromium'])` first. */
export function openBrowser(): Promise<Browser> {
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((dir) => join(dir, 'chromium'))
    .find((path) => existsSync(path));
  return chromium.launch({
    executablePath: found ?? '/usr/bin/chromium',
    // As root, as tests mostly run in containers, it has no sandbox; it sees pages of ours alone.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    timeout: 120_000,
  });
}
