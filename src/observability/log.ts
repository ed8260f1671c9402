/**
 * The logger that parts of Pharos receive: pino's call shape, fields first, constant message second.
 * Fields come from one glossary: cluster, namespace, service, peer, zone, kind, name, err, durationMs.
 */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** For tests and for parts that are asked to be quiet. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
