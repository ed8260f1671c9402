/** Every address of the page. What it answers is for this machine's own browser: see {@link guarded}. */
import type { Asked, Reply, Route } from '../observability/http.ts';
import type { Assets } from './assets.ts';
import type { Explanation } from '../explain/explanation.ts';
import type { LivePage } from './live-page.ts';
import { page, type Frame, type Shown } from './render/document.ts';
import { explainPage } from './render/explain-page.ts';
import { overview } from './render/overview.ts';
import { servicePage } from './render/service.ts';
import { isShow } from './render/services.ts';

export interface PageOptions {
  readonly live: LivePage;
  readonly assets: Assets;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** For who does not ask for HTML; absent = HTML for everybody. */
  readonly text?: () => Promise<string>;
  /** `GET /api/v1/explain`, whose JSON the explain box shows; absent = there is no box. */
  readonly explain?: Route;
}

/**
 * No script or style but our own files, nothing from elsewhere, in nobody's frame; markup is set from scripts only
 * by the policy of ours (CSP level 3, Trusted Types).
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types pharos',
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  // Not no-referrer: with that a browser hides from us that a form is our own.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

export function pageRoutes(options: PageOptions): Route[] {
  const { live, assets, text, now } = options;
  const shown = (asked: Asked, content: Shown, status = 200): Reply => ({
    status,
    contentType: 'text/html; charset=utf-8',
    headers: { ...HEADERS, vary: 'accept, cookie' },
    body: page(frameOf(options, asked), content).toString(),
  });
  const explainPageRoute = (explain: Route): Route => ({
    method: 'GET',
    path: '/explain',
    async reply(parameters, asked) {
      const { query } = asked;
      const name = query.get('name') ?? '';
      const answer = name === '' ? undefined : await explain.reply(parameters, asked);
      const told =
        answer === undefined || 'events' in answer
          ? undefined
          : answer.status === 200
            ? (JSON.parse(answer.body) as Explanation)
            : answer.body.trim();
      const type = query.get('type') ?? 'A';
      const cluster = query.get('cluster') ?? '';
      const main = explainPage(live.model, { name, type, cluster }, told, now());
      return shown(asked, { title: name === '' ? 'Explain' : name, name: 'explain', main });
    },
  });
  const routes: Route[] = [
    {
      method: 'GET',
      path: '/',
      async reply(_, asked) {
        if (text !== undefined && !asked.header('accept').includes('text/html')) {
          return { status: 200, body: await text(), headers: { vary: 'accept' } };
        }
        const show = asked.query.get('show');
        const main = overview(live.model, {
          log: live.log(),
          search: asked.query.get('q') ?? '',
          show: isShow(show) ? show : 'all',
          page: Number(asked.query.get('page')) || 1,
          now: now(),
        });
        return shown(asked, { title: 'Clusterset', name: 'overview', main });
      },
    },
    {
      method: 'GET',
      path: '/services/:namespace/:name',
      reply({ namespace = '', name = '' }, asked) {
        const key = `${decoded(namespace)}/${decoded(name)}`;
        const detail = live.detail(key);
        const main = servicePage(live.model, key, detail, { log: live.log(key), now: now() });
        return shown(
          asked,
          { title: key, name: 'service', service: key, main },
          detail === undefined ? 404 : 200,
        );
      },
    },
    ...(options.explain === undefined ? [] : [options.explain, explainPageRoute(options.explain)]),
    {
      method: 'GET',
      path: '/api/v1/overview',
      reply: () => ({
        status: 200,
        contentType: 'application/json',
        headers: HEADERS,
        body: JSON.stringify(live.model),
      }),
    },
    {
      method: 'GET',
      path: '/api/v1/events',
      reply: (_, { query }) => ({
        events(send, signal) {
          if (!live.follow(send, signal, query.get('service') ?? undefined)) send('full', {});
        },
      }),
    },
    ...[...assets.files].map(([path, { contentType, body }]): Route => ({
      method: 'GET',
      path: path as `/${string}`,
      reply: () => ({ status: 200, contentType, body, headers: HEADERS }),
    })),
  ];
  return routes.map(guarded);
}

function frameOf({ live, assets, version, now }: PageOptions, asked: Asked): Frame {
  const [, theme] = /(?:^|;\s*)pharos-theme=(light|dark)(?:;|$)/.exec(asked.header('cookie')) ?? [];
  return {
    model: live.model,
    version,
    script: assets.script,
    style: assets.style,
    theme: theme === 'light' || theme === 'dark' ? theme : undefined,
    now: now(),
  };
}

/**
 * What listens on loopback only is called by loopback names only: another name means that a foreign site's name was
 * made to lead here, so that its script reads what is ours (DNS rebinding).
 */
export const guarded = (route: Route): Route => ({
  ...route,
  reply: (parameters, asked) =>
    asked.toLoopback && !isLocalName(asked.header('host'))
      ? { status: 421, body: 'This is served for this machine alone: use 127.0.0.1 or localhost.\n' }
      : route.reply(parameters, asked),
});

const isLocalName = (host: string): boolean =>
  /^((?:[^.:]+\.)*localhost|\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\])(:\d+)?$/i.test(host);

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
