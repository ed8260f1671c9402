/** Values that come from strangers and become trusted only by passing their parser. */

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/** A cluster's id in the clusterset: a DNS label (KEP-2149). */
export type ClusterId = Branded<string, 'ClusterId'>;

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether `text` is an RFC 1123 label in lower case, as Kubernetes wants names of Services, ports, hosts. */
export const isDnsLabel = (text: string): boolean => DNS_LABEL.test(text);

/** @throws Error that says what is wrong with `text` and what a cluster id looks like. */
export function parseClusterId(text: string): ClusterId {
  if (!isDnsLabel(text)) {
    throw new Error(
      `"${text}" is not a cluster id: use a DNS label, that is 1 to 63 of a-z, 0-9 and "-", not at either end`,
    );
  }
  return text as ClusterId;
}
