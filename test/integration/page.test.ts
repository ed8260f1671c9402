/** The status page as somebody sees it, in the distribution's Chromium. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { openBrowser } from '../lab/browser.ts';
import { requirePackages } from '../lab/packages.ts';
import { until } from '../lab/wait.ts';
import { type CliProcess, startCli } from '../support/cli-process.ts';
import { PageServer } from '../support/page-server.ts';
import { busySights, gatewayOf, sightOf, sightsOf, type ServiceWords } from '../support/page-sights.ts';

const skip = (await requirePackages(['chromium'])) ?? false;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const examples = join(import.meta.dirname, '../../examples/clusters');
/** Others may use the machine as well. */
const PATIENCE_MS = 60_000;

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

describe('the status page', { skip }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.close());

  /** Whatever the browser complains of, such as what the Content-Security-Policy stopped, fails the test. */
  async function visit(
    url: string,
    run: (page: Page) => Promise<void>,
    options: BrowserContextOptions & { readonly tolerates?: RegExp } = {},
  ): Promise<void> {
    const { tolerates, ...contextOptions } = options;
    const context = await browser.newContext(contextOptions);
    const complaints: string[] = [];
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('dialog', (dialog) => {
        complaints.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      await page.goto(url);
      if (contextOptions.javaScriptEnabled !== false) await page.locator('#live[data-is=live]').waitFor();
      await run(page);
    } finally {
      await context.close();
    }
    assert.deepEqual(
      complaints.filter((text) => tolerates?.test(text) !== true),
      [],
    );
  }

  const text = (page: Page, selector: string): Promise<string> =>
    page
      .locator(selector)
      .innerText()
      .then((found) => found.replaceAll(/\s+/g, ' '));

  async function violations(page: Page): Promise<string[]> {
    await page.evaluate(axe);
    const found = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
      violations: readonly Violation[];
    };
    return found.violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
    );
  }

  const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

  describe('of the playground', () => {
    const directory = mkdtempSync(join(tmpdir(), 'pharos-page-'));
    let playground: CliProcess;
    let url = '';
    before(async () => {
      cpSync(examples, directory, { recursive: true });
      const anyPort = ['--dns-listen', '127.0.0.1:0', '--http-listen', '127.0.0.1:0'];
      playground = startCli(['playground', directory, ...anyPort]);
      [, url = ''] = await playground.says(/curl (http:\S+\/)\n/);
    });
    after(async () => {
      await playground?.[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    });

    it('shows clusters and services, and follows an edit', async () => {
      await visit(url, async (page) => {
        assert.match(await text(page, '#summary'), /^3\/3 clusters heard 4 services 1 conflict 0 without/);
        assert.deepEqual(await page.locator('#rows .cell-name b').allInnerTexts(), [
          'api',
          'mysql',
          'payments',
          'web',
        ]);
        assert.match(
          await text(page, '[role=row]:has-text("payments")'),
          /ClusterSetIP north ?west 2\/2 .* conflict/,
        );
        const file = join(directory, 'east/endpoints.yaml');
        writeFileSync(file, readFileSync(file, 'utf8').replaceAll('ready: true', 'ready: false'));
        await page.locator('[role=row]:has-text("api"):has-text("0/2")').waitFor();
        await page
          .locator('#log .entry-bad', { hasText: 'shop/api in east has no ready endpoint' })
          .waitFor();
        assert.match(await text(page, '#summary'), /1 without an answer/);
      });
    });

    it('cuts a cluster off at a button, which keeps the focus, and lets it back in', async () => {
      await visit(url, async (page) => {
        await page.getByRole('button', { name: 'Disconnect west' }).click();
        await page.locator('#cluster-west .state-disconnected').waitFor();
        await page.locator('.picture-wide .member-disconnected').waitFor();
        await page
          .locator('#log .entry-bad', { hasText: /^[\d:]+\s*cluster west is disconnected/ })
          .waitFor();
        await page.getByRole('button', { name: 'Reconnect west' }).click();
        await page.locator('#cluster-west .state-heard').waitFor();
        assert.match(await text(page, '#summary'), /^3\/3/);
      });
    });

    it('explains a name in its box, and names what is near to one that is not there', async () => {
      await visit(
        url,
        async (page) => {
          await page.keyboard.press('e');
          await page.keyboard.type('web.shop');
          await page.getByLabel('Asked in').selectOption('west');
          await page.keyboard.press('Enter');
          await page
            .locator('#explanation .records', { hasText: /web\.shop\.svc\.clusterset\.local\..*\bA\b/ })
            .waitFor();
          assert.match(await text(page, '#explanation .candidates'), /west/);
          await page.getByLabel('Name', { exact: true }).fill('wep.shop');
          await page.getByRole('button', { name: 'Explain' }).click();
          await page.locator('#explanation .near').first().click();
          await page.locator('#explanation .told-good').waitFor();
          await page.getByLabel('Name', { exact: true }).fill('..');
          await page.getByRole('button', { name: 'Explain' }).click();
          await page.locator('#explanation [role=alert]').waitFor();
        },
        { tolerates: /status of 400/ },
      );
    });

    it('works without a script: search, a button, and an explanation', async () => {
      await visit(
        url,
        async (page) => {
          assert.equal(await page.locator('#rows .row').count(), 4);
          await page.getByLabel('Search services').fill('mysql');
          await page.getByRole('button', { name: 'Search' }).click();
          assert.deepEqual(await page.locator('#rows .cell-name b').allInnerTexts(), ['mysql']);
          await page.getByRole('link', { name: 'mysql' }).click();
          assert.equal(await text(page, 'h1'), 'mysql');
          await page.getByRole('button', { name: 'Explain' }).click();
          await page.locator('#explanation .records').waitFor();
          await page.goto(url);
          await page.getByRole('button', { name: 'Disconnect west' }).click();
          await page.locator('#cluster-west .state-disconnected').waitFor();
          await page.getByRole('button', { name: 'Reconnect west' }).click();
          await page.locator('#cluster-west .state-heard').waitFor();
        },
        { javaScriptEnabled: false },
      );
    });

    it('explains by a link, in both themes without a violation that axe-core can find', async () => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await visit(
          `${url}explain?name=web.shop&type=A&cluster=north`,
          async (page) => {
            await page.locator('#explanation details summary').click();
            assert.deepEqual(await violations(page), []);
          },
          { colorScheme, reducedMotion: 'reduce', viewport: { width: 375, height: 720 } },
        );
      }
    });

    it('is a list for who does not ask for HTML, and JSON for programs', async () => {
      assert.match(await (await fetch(url)).text(), /^CLUSTER +DNS SERVER/);
      const overview = (await (await fetch(`${url}api/v1/overview`)).json()) as {
        clusters: { id: string }[];
      };
      assert.deepEqual(
        overview.clusters.map(({ id }) => id),
        ['east', 'north', 'west'],
      );
    });

    it('tells nothing to who came by a name that was made to lead here, or changes by a foreign page', async () => {
      const statusOf = (path: string, headers: Record<string, string>, method = 'GET'): Promise<number> =>
        new Promise((resolve, reject) => {
          request(new URL(path, url), { method, headers }, (response) => {
            response.resume();
            resolve(response.statusCode ?? 0);
          })
            .on('error', reject)
            .end();
        });
      const { port, host } = new URL(url);
      for (const path of [
        '/',
        '/api/v1/overview',
        '/api/v1/events',
        '/api/v1/explain?name=web.shop',
        '/services/shop/web',
      ]) {
        assert.equal(await statusOf(path, { host: `evil.example:${port}` }), 421, path);
      }
      assert.equal(
        await statusOf('/clusters/west/disconnect', { host: `evil.example:${port}` }, 'POST'),
        421,
      );
      const foreign = { host, origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' };
      assert.equal(await statusOf('/clusters/west/disconnect', foreign, 'POST'), 403);
      assert.equal(await statusOf('/', { host: `localhost:${port}` }), 200);
    });
  });

  it('has no violation that axe-core can find, in both themes, on each of its pages', async () => {
    await using server = await PageServer.open(busySights());
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const path of ['', 'services/shop/inventory', 'services/shop/none']) {
        await visit(
          `${server.url}${path}`,
          async (page) => assert.deepEqual(await violations(page), [], `${colorScheme} /${path}`),
          { colorScheme, reducedMotion: 'reduce', tolerates: /status of 404/ },
        );
      }
    }
  });

  it('draws every state of a member and of a tunnel, and says it in words too', async () => {
    await using server = await PageServer.open(busySights());
    await visit(server.url, async (page) => {
      for (const part of [
        'member-heard',
        'member-drained',
        'member-disconnected',
        'tunnel-connected',
        'tunnel-degraded',
        'tunnel-error',
      ]) {
        assert.ok((await page.locator(`.picture-wide .${part}`).count()) > 0, part);
      }
      assert.match(await text(page, '#cluster-sao-paulo'), /drained drained by mara .*: new kernels/);
      assert.match(await text(page, '#cluster-frankfurt'), /gw-1 \(active\), gw-2 \(passive\)/);
      assert.match(
        await text(page, '#tunnels'),
        /frankfurt gw-1 virginia gw-1 connected 88 ms 0 % 1 d ipsec/,
      );
      assert.match(
        await text(page, '#cluster-sydney'),
        /disconnected tunnel error: no answer from any address/,
      );
    });
  });

  it('takes every text of others as text', async () => {
    const evil = `"><img src=x onerror=alert(1)><script>alert(2)</script>'\``;
    const words: ServiceWords = {
      parts: { west: { ready: 1 } },
      labels: { [evil]: evil },
      annotations: { 'example.org/a': evil, [evil]: '{{7*7}}${7*7}' },
      conflict: `${evil}: kept ${evil}`,
    };
    const gateway = gatewayOf(evil, [
      { cluster: evil, gateway: evil, driver: evil as 'ipsec', state: 'degraded', reason: evil, since: evil },
    ]);
    await using server = await PageServer.open(
      sightsOf([sightOf('west', { web: words }, { gateways: [gateway], lost: evil })], {
        source: evil,
        problems: [evil],
      }),
    );
    const elements = 'document.querySelectorAll("img, main script, [onerror], [onload]").length';
    await visit(
      server.url,
      async (page) => {
        assert.equal(await page.evaluate(elements), 0);
        assert.ok((await text(page, '#problems')).includes(evil.replaceAll(/\s+/g, ' ')));
        await page.goto(`${server.url}?q=${encodeURIComponent(evil)}`);
        assert.equal(await page.inputValue('#search'), evil);
        assert.equal(await page.evaluate(elements), 0);
        await page.goto(`${server.url}services/shop/web`);
        await page.locator('#live[data-is=live]').waitFor();
        await page.locator('details summary').first().click();
        assert.ok((await text(page, '#service')).includes('<script>alert(2)</script>'));
        assert.equal(await page.evaluate(elements), 0);
        await page.goto(`${server.url}services/${encodeURIComponent(evil)}/${encodeURIComponent(evil)}`);
        assert.equal(await page.evaluate(elements), 0);
      },
      { tolerates: /status of 404/ },
    );
  });

  it('says that the connection is lost, comes back by itself, and then shows what is there', async () => {
    await using server = await PageServer.open(
      sightsOf([sightOf('west', { web: { parts: { west: { ready: 1 } } } })]),
    );
    await visit(
      server.url,
      async (page) => {
        await server.close();
        await page.locator('#live[data-is=lost]').waitFor();
        server.set(
          sightsOf([
            sightOf('west', {
              web: { parts: { west: { ready: 1 } } },
              mail: { parts: { west: { ready: 2 } } },
            }),
          ]),
        );
        assert.equal(await page.locator('#rows .row').count(), 1);
        await server.listen();
        await page.locator('#live[data-is=live]').waitFor();
        await page.locator('#rows .row', { hasText: 'mail' }).waitFor();
      },
      { tolerates: /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/ },
    );
  });

  it('shows ten thousand services with a hundred rows, by search and by keys', async () => {
    const many: Record<string, ServiceWords> = {};
    for (let at = 0; at < 10_000; at++) {
      many[`service-${String(at).padStart(5, '0')}`] = {
        namespace: `team-${at % 40}`,
        parts: { west: { ready: 2 } },
      };
    }
    await using server = await PageServer.open(sightsOf([sightOf('west', many)]));
    await visit(server.url, async (page) => {
      const rows = page.locator('#rows .row');
      await page.locator('#found', { hasText: '10,000 services' }).waitFor();
      assert.equal(await page.getAttribute('#table', 'aria-rowcount'), '10001');
      assert.ok((await rows.count()) <= 100, `${await rows.count()} rows`);
      // Through all of the list, always with rows in sight.
      for (const share of [0.1, 0.5, 0.9, 1]) {
        await page.locator('#rows').evaluate((list, share) => {
          list.scrollTop = list.scrollHeight * share;
        }, share);
        await until(`rows in sight at ${share}`, PATIENCE_MS, async () => {
          const index = await page.evaluate(`(() => {
            const list = document.getElementById('rows').getBoundingClientRect();
            const middle = list.y + list.height / 2;
            const isThere = ({ top, bottom }) => top <= middle && middle <= bottom;
            const rows = [...document.querySelectorAll('#rows .row')];
            const row = rows.find((each) => isThere(each.getBoundingClientRect()));
            return Number(row?.getAttribute('aria-rowindex') ?? 0);
          })()`);
          return Number(index) >= 9000 * share || undefined;
        });
        assert.ok((await rows.count()) <= 100);
      }
      await page.keyboard.press('/');
      await page.keyboard.type('team-7 service-0004');
      await page.locator('#found', { hasText: '1 of 10,000 services' }).waitFor();
      assert.deepEqual(await page.locator('#rows .cell-name b').allInnerTexts(), ['service-00047']);
      assert.match(page.url(), /q=team-7\+service-0004$/);
      await page.fill('#search', '');
      await page.locator('#rows').focus();
      for (const key of ['ArrowDown', 'ArrowDown', 'End', 'ArrowUp']) await page.keyboard.press(key);
      assert.equal(
        await page.evaluate('document.activeElement.querySelector("b").textContent'),
        'service-09929',
      );
      await page.keyboard.press('Enter');
      await page.locator('h1', { hasText: 'service-09929' }).waitFor();
    });
  });

  it('fits into 375 pixels, and keeps the colours that were chosen', async () => {
    await using server = await PageServer.open(busySights());
    const viewport = { width: 375, height: 720 };
    await visit(
      server.url,
      async (page) => {
        for (const path of ['', 'services/shop/inventory']) {
          await page.goto(`${server.url}${path}`);
          await page.locator('#live[data-is=live]').waitFor();
          assert.equal(await page.evaluate(overflow), 0, `/${path}`);
        }
        await page.getByRole('button', { name: 'Dark' }).click();
        await page.reload();
        const { backgroundColor } = (await page.evaluate(
          '({ backgroundColor: getComputedStyle(document.body).backgroundColor })',
        )) as {
          backgroundColor: string;
        };
        assert.equal(backgroundColor, 'rgb(13, 19, 25)');
        assert.equal(await page.getAttribute('[data-set-theme=dark]', 'aria-pressed'), 'true');
      },
      { viewport, colorScheme: 'light' },
    );
  });

  it('moves nothing for who asks for that', async () => {
    await using server = await PageServer.open(busySights());
    const animations = 'document.getAnimations().length';
    await visit(server.url, async (page) => assert.notEqual(await page.evaluate(animations), 0));
    await visit(server.url, async (page) => assert.equal(await page.evaluate(animations), 0), {
      reducedMotion: 'reduce',
    });
  });
});
