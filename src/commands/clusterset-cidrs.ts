import { type Cidr, overlaps } from '../api/cidr.ts';
import { UserError } from './user-error.ts';

/** The networks to give out clusterset IPs from; none in direct mode. @throws UserError where two overlap */
export function clustersetCidrsOf(values: {
  readonly clustersetIps: 'on' | 'off';
  readonly clustersetCidr: readonly Cidr[];
}): { readonly clustersetCidrs?: readonly Cidr[] } {
  if (values.clustersetIps === 'off') return {};
  const cidrs = [...new Set(values.clustersetCidr)];
  for (const [at, cidr] of cidrs.entries()) {
    const other = cidrs.slice(0, at).find((before) => overlaps(before, cidr));
    if (other !== undefined)
      throw new UserError(`--clusterset-cidr: ${cidr} overlaps ${other}; leave one out`);
  }
  return { clustersetCidrs: cidrs };
}
