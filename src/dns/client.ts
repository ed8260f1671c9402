/** Who sent a query: dgram's `rinfo` is one, and so is a connection's own record of its peer. */
export interface Client {
  readonly address: string;
  /** How long its connection may be silent, in tenths of a second (RFC 7828); absent over UDP. */
  readonly idleTenths?: number;
  /** Whether nobody else can read the answer. */
  readonly encrypted?: boolean;
}
