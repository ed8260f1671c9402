import { fileURLToPath } from 'node:url';
import { userPath } from '../config/environment.ts';
import { formatListenAddress } from '../config/listen-address.ts';
import type { playgroundSpec } from '../config/specs/playground.ts';
import { healthRoutes, type Route } from '../observability/http.ts';
import { createMetrics } from '../observability/metrics.ts';
import { loadAssets } from '../page/assets.ts';
import { guarded, pageRoutes } from '../page/routes.ts';
import { systemClock } from '../runtime/clock.ts';
import { Shutdown } from '../runtime/shutdown.ts';
import type { Run } from './command.ts';
import { clustersetCidrsOf } from './clusterset-cidrs.ts';
import { loggingTo } from './logging.ts';
import { explainRoute } from './playground/explain-route.ts';
import { PlaygroundPage } from './playground/page.ts';
import { Playground } from './playground/playground.ts';
import { showAll, showChanges } from './playground/show.ts';
import { serveOrExplain } from './serve.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/clusters', import.meta.url));
/** One edit changes several things one after the other: they are told together. */
const TELL_AFTER_MS = 60;

export const runPlayground: Run<typeof playgroundSpec> = async (values, context) => {
  const { environment, stdout, version } = context;
  const logging = loggingTo(context, values);
  const clock = systemClock;
  const root = values.dir === undefined ? EXAMPLE : userPath(environment, values.dir);
  let onChange = (): void => {};
  const playground = await Playground.start({
    root,
    dnsListen: values.dnsListen,
    zone: {
      origins: values.zone,
      ttl: values.ttl,
      policy: values.policy,
      strictNames: values.strictNames,
      reverseZones: values.clustersetCidr,
      serial: Math.floor(clock.now() / 1000),
    },
    ...clustersetCidrsOf(values),
    clock,
    logging,
    onChange: () => onChange(),
  });
  const log = logging('playground');
  const shutdown = new Shutdown({ process: context.process, log, clock });
  shutdown.defer('clusters', () => playground.close());

  const shown = { origin: values.zone[0] ?? '', url: '' };
  const page = await PlaygroundPage.open({
    playground,
    root,
    zone: shown.origin.replace(/\.$/, ''),
    clock,
  });
  shutdown.defer('page', () => page.close());
  const metrics = createMetrics(() => playground.metrics());
  const notReady = (): string | undefined => (shutdown.signal.aborted ? 'shutting down' : undefined);
  const http = await serveOrExplain('--http-listen', values.httpListen, [
    ...pageRoutes({
      live: page.live,
      assets: loadAssets(),
      version,
      now: () => clock.now(),
      explain: explainRoute(playground, clock),
      text: async () => showAll(await playground.overview(), shown),
    }),
    ...healthRoutes(metrics, notReady),
    ...outageRoutes(playground, () => page.live.refresh()),
  ]);
  shown.url = `http://${formatListenAddress(http)}/`;
  shutdown.defer('http', () => http.close());

  let last = await playground.overview();
  const count = last.clusters.length;
  stdout.write(
    `Pharos ${version} playground: ${count} cluster${count === 1 ? '' : 's'} in ${root}\n\n` +
      `${showAll(last, shown)}\nEdit a manifest and the answers change. Stop with Ctrl+C.\n`,
  );
  const tell = async (): Promise<void> => {
    const now = await playground.overview();
    const time = new Date(clock.now()).toTimeString().slice(0, 8);
    for (const line of showChanges(last, now)) stdout.write(`${time} ${line}\n`);
    last = now;
  };
  let cancel: (() => void) | undefined; // while something is to be told
  onChange = () => {
    page.changed();
    cancel ??= clock.after(TELL_AFTER_MS, () => {
      cancel = undefined;
      void tell();
    });
  };
  onChange();
  shutdown.defer('telling', () => {
    onChange = () => {};
    cancel?.();
  });
  return 'running';
};

/** What an outage looks like: a cluster that loses the broker and all others, and gets them back. */
function outageRoutes(playground: Playground, onChanged: () => void): Route[] {
  const route = (verb: string, connected: boolean): Route => ({
    method: 'POST',
    path: `/clusters/:id/${verb}`,
    reply({ id = '' }, { header }) {
      if (!playground.setConnected(id, connected)) {
        const known = playground.clusters.map(({ id }) => id).join(', ');
        return { status: 404, body: `There is no cluster of that name. There are: ${known}\n` };
      }
      onChanged();
      const body = `cluster ${id} is ${connected ? 'connected' : 'disconnected'}\n`;
      // From a form of the page: back to it.
      return header('accept').includes('text/html')
        ? { status: 303, body, headers: { location: '/' } }
        : { status: 200, body };
    },
  });
  return [route('disconnect', false), route('reconnect', true)].map(guarded);
}
