import type { Daemon } from './processes.ts';
import type { Rest } from './rest.ts';
import { GivenUp, until } from './wait.ts';

/** Asks `/readyz` until it is well. A server that is known and has ended is an error with the end of its log. */
export async function waitReady(what: string, rest: Rest, server?: Daemon): Promise<void> {
  await until(
    `${what} ready`,
    120_000,
    async () => {
      if (server && !server.running) throw new GivenUp(`${what} has ended:\n${server.tail()}`);
      const { status, body } = await rest.send('GET', '/readyz');
      if (status !== 200) throw new Error(body);
      return true;
    },
    100,
  );
}
