import { connect, type NetConnectOpts } from 'node:net';

/** Resolves with true once a connection stands, which is then closed; rejects where none can be made. */
export function canConnect(to: NetConnectOpts): Promise<true> {
  return new Promise((resolve, reject) => {
    const socket = connect(to, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', reject);
  });
}
