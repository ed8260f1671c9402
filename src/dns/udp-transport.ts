/** How packets come in and answers go out; there is one with Node's own sockets and one in batches. */

export interface UdpSocket {
  readonly port: number;
  close(): Promise<void>;
}

export interface UdpTransport {
  /**
   * Whether a socket on all addresses answers from the one that was asked. Where it does not, each address of the
   * host needs a socket.
   */
  readonly knowsAddressAsked: boolean;
  /**
   * Opens a socket, or several that share the port.
   * @param port 0 = a free one
   * @throws the system's error where the address cannot be bound; nothing is left open then
   */
  listen(address: string, port: number): Promise<UdpSocket>;
}
