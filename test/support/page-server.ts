import { type HttpServer, type Route, serveHttp } from '../../src/observability/http.ts';
import { loadAssets } from '../../src/page/assets.ts';
import { LivePage } from '../../src/page/live-page.ts';
import { pageRoutes } from '../../src/page/routes.ts';
import type { Sights } from '../../src/page/sights.ts';
import { systemClock } from '../../src/runtime/clock.ts';

const assets = loadAssets();

/** The page over sights that a test sets. */
export class PageServer implements AsyncDisposable {
  #sights: Omit<Sights, 'now'>;
  readonly #routes: readonly Route[];
  readonly #live: LivePage;
  readonly #now: () => number;
  #http: HttpServer | undefined;
  #port = 0;

  private constructor(sights: Sights, explain: Route | undefined, more: readonly Route[]) {
    this.#sights = sights;
    // The same ages in every run, and in every picture.
    this.#now = () => sights.now;
    const clock = { ...systemClock, now: this.#now };
    this.#live = new LivePage({ look: () => this.#sights, clock });
    this.#routes = [
      ...pageRoutes({
        live: this.#live,
        assets,
        version: '0.1.0',
        now: this.#now,
        ...(explain && { explain }),
      }),
      ...more,
    ];
  }

  static async open(sights: Sights, explain?: Route, more: readonly Route[] = []): Promise<PageServer> {
    const server = new PageServer(sights, explain, more);
    await server.listen();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  set(sights: Omit<Sights, 'now'>): void {
    this.#sights = sights;
    this.#live.changed();
  }

  /** At the same port as before. */
  async listen(): Promise<void> {
    this.#http = await serveHttp({ address: '127.0.0.1', port: this.#port }, this.#routes);
    this.#port = this.#http.port;
  }

  /** Ends all connections; what is looked at goes on. */
  async close(): Promise<void> {
    await this.#http?.close();
    this.#http = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#live.close();
    await this.close();
  }
}
