/**
 * `npm run screenshots`: writes docs/images/*.png, the status page as the README shows it, in the distribution's
 * Chromium. Also a look for whoever changes the page: dark and light, as wide as a desk and as a hand.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { startCli } from '../support/cli-process.ts';
import { PageServer } from '../support/page-server.ts';
import { busySights } from '../support/page-sights.ts';
import { openBrowser } from './browser.ts';
import { requirePackages } from './packages.ts';

const directory = join(import.meta.dirname, '../../docs/images');
/** They are part of the repository for ever. */
const MOST_BYTES = 200_000;

const missing = await requirePackages(['chromium']);
if (missing !== undefined) throw new Error(missing);
mkdirSync(directory, { recursive: true });

const anyPort = ['--dns-listen', '127.0.0.1:0', '--http-listen', '127.0.0.1:0'];
await using playground = startCli(['playground', ...anyPort]);
const [, example = ''] = await playground.says(/curl (http:\S+\/)\n/);
await using busy = await PageServer.open(busySights());
await using browser = await openBrowser();

const DESK = { width: 1280, height: 900 };
const HAND = { width: 375, height: 812 };
for (const [name, url, viewport, colorScheme] of [
  ['page', busy.url, DESK, 'light'],
  ['page-dark', busy.url, DESK, 'dark'],
  ['page-phone', busy.url, HAND, 'light'],
  ['service', `${busy.url}services/shop/inventory`, DESK, 'light'],
  [
    'explain',
    `${example}explain?name=payments.shop&type=A&cluster=east`,
    { width: 800, height: 700 },
    'light',
  ],
] as const) {
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(url);
  await page.locator('#live[data-is=live]').waitFor();
  const path = join(directory, `${name}.png`);
  // Without the head of the page, which names the directory of this machine.
  const part = name === 'explain' ? page.locator('.card-explain') : page;
  await part.screenshot({ path });
  const { size } = statSync(path);
  if (size > MOST_BYTES) throw new Error(`${path} has ${size} bytes, must have at most ${MOST_BYTES}`);
  console.log(`${path}: ${Math.ceil(size / 1000)} kB`);
  await context.close();
}
