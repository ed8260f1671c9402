import { connect, createServer } from 'node:net';
import { cacheDir, contentKey } from './cache.ts';

/** Held until closed, or until the process dies, however it dies. */
export type Lock = AsyncDisposable;

/**
 * A lock between the processes of this machine: a listening socket in Linux's abstract namespace, which
 * the kernel takes away with its owner. So there is no stale lock and nothing to clean up.
 */
function tryListen(address: string): Promise<Lock | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Lock | undefined>();
  // Those who wait hold a connection until the lock is free.
  const waiting = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => waiting.delete(socket));
    socket.unref();
  });
  server.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') resolve(undefined);
    else reject(error);
  });
  server.listen(address, () => {
    server.unref();
    resolve({
      async [Symbol.asyncDispose]() {
        const closed = new Promise((done) => server.close(done));
        for (const socket of waiting) socket.destroy();
        await closed;
      },
    });
  });
  return promise;
}

/** Resolves when the present holder lets go; at once where there is none. */
function waitForRelease(address: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    socket.resume();
  });
}

// The cache folder is in the name, so that users with caches of their own do not wait for each other.
const addressOf = (name: string): string => `\0pharos-lab/${contentKey(cacheDir)}/${name}`;

/** The lock, or undefined where another process (or this one) holds it. */
export function tryLock(name: string): Promise<Lock | undefined> {
  return tryListen(addressOf(name));
}

/** Waits for the lock; `onWait` is told once, when it is not free. */
export async function lock(name: string, onWait?: () => void): Promise<Lock> {
  for (let told = false; ; told = true) {
    const held = await tryLock(name);
    if (held) return held;
    if (!told) onWait?.();
    await waitForRelease(addressOf(name));
  }
}
