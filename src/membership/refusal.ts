export type RefusalCode =
  | 'not-a-broker'
  | 'unknown-member'
  | 'id-taken'
  | 'id-differs'
  | 'id-missing'
  | 'id-invalid'
  | 'already-joined'
  | 'still-leaving'
  | 'not-a-member'
  | 'unusable-credentials'
  | 'definition-too-old'
  | 'kubernetes-too-old'
  | 'not-ready'
  | 'preflight'
  | 'dns-unknown'
  | 'zone-taken';

/** Why Pharos will not do what was asked: one line that says what is wrong, where, and what to do. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
