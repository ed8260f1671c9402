/** The life of a token, in milliseconds since 1970. */
export interface Life {
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/**
 * How long to wait before the token is renewed, in milliseconds; 0 = now. It is due between a half and two
 * thirds of its life, so that at least a third is left for a broker that is away; `spread` (0 to 1) says
 * where between, so that members that joined together do not come together.
 *
 * A clock that was set back makes nobody wait longer than two thirds of a life.
 */
export function renewalDelayMs(now: number, { issuedAt, expiresAt }: Life, spread: number): number {
  const untilDue = (expiresAt - issuedAt) * (1 / 2 + spread / 6);
  return Math.max(0, Math.min(issuedAt + untilDue - now, untilDue));
}
