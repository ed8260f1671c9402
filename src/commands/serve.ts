import { formatListenAddress, type ListenAddress } from '../config/listen-address.ts';
import { type HttpServer, type Route, serveHttp } from '../observability/http.ts';
import { UserError } from './user-error.ts';

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process has it: stop that one, or choose another port',
  EACCES: 'this user may not: choose a port above 1023',
  EADDRNOTAVAIL: 'no interface of this host has the address: choose one that `ip address` shows',
  EAFNOSUPPORT: 'this host has the address family switched off: choose an address of the other one',
};

/** @throws UserError that names the flag, where it cannot listen */
export async function serveOrExplain(
  flag: string,
  listen: ListenAddress,
  routes: readonly Route[],
): Promise<HttpServer> {
  try {
    return await serveHttp(listen, routes);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    const reason = REASONS[code] ?? (cause as Error).message;
    throw new UserError(`Cannot listen on ${formatListenAddress(listen)} (${flag}): ${code}: ${reason}`, {
      cause,
    });
  }
}
