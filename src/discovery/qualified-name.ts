/** Forms of text that an API server checks (apimachinery, util/validation), for text that is going to one. */

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** `[prefix/]name`: what keys of labels and annotations, and application protocols, must be. */
export function isQualifiedName(text: string): boolean {
  const [first = '', name, ...more] = text.split('/');
  if (more.length > 0) return false;
  return name === undefined ? NAME.test(first) : PREFIX.test(first) && NAME.test(name);
}

export const isLabelValue = (text: string): boolean => text === '' || NAME.test(text);
