/**
 * Names of records on the broker and of imported slices in a member. A Service's name and a namespace hold
 * no dots, so that dotted names can be taken apart again and two services never share one.
 */
import { isDnsLabel } from '../api/identity.ts';

/** Whose record it is: one cluster's part of one service. */
export interface RecordOwner {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
}

export const recordName = ({ service, namespace, cluster }: RecordOwner): string =>
  `${service}.${namespace}.${cluster}`;

export const recordSliceName = (owner: RecordOwner, suffix: string): string =>
  `${recordName(owner)}.${suffix}`;

/** What distinguishes a record slice from the others of its owner; undefined where the name is not the owner's. */
export function sliceSuffix(owner: RecordOwner, name: string): string | undefined {
  const prefix = `${recordName(owner)}.`;
  const suffix = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return isDnsLabel(suffix) ? suffix : undefined;
}

export const importedSliceName = ({ service, cluster }: RecordOwner, suffix: string): string =>
  `${service}.${cluster}.${suffix}`;
