/** The server's events. The browser itself comes back after a loss, and begins with a snapshot. */
import type { LogEntry, ModelChange, PageModel, ServiceDetail } from '../model.ts';

export interface Followed {
  readonly snapshot: (model: PageModel, log: readonly LogEntry[]) => void;
  readonly change: (change: ModelChange) => void;
  readonly service: (detail: ServiceDetail | undefined) => void;
  readonly connection: (is: 'live' | 'lost' | 'full') => void;
}

/** How long until a lost connection is opened again that the browser has given up. */
const AGAIN_MS = 2000;

export function follow(service: string, on: Followed): void {
  const query = service === '' ? '' : `?${new URLSearchParams({ service }).toString()}`;
  const events = new EventSource(`/api/v1/events${query}`);
  const data = (event: MessageEvent<string>): unknown => JSON.parse(event.data);
  events.addEventListener('snapshot', (event) => {
    const { model, log } = data(event) as { model: PageModel; log: readonly LogEntry[] };
    on.connection('live');
    on.snapshot(model, log);
  });
  events.addEventListener('change', (event) => on.change(data(event) as ModelChange));
  events.addEventListener('service', (event) =>
    on.service((data(event) as ServiceDetail | null) ?? undefined),
  );
  events.addEventListener('full', () => {
    on.connection('full');
    events.close();
  });
  events.addEventListener('error', () => {
    on.connection('lost');
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(() => follow(service, on), AGAIN_MS);
  });
}
