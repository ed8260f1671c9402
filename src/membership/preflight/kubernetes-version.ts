/** ValidatingAdmissionPolicy is served from here on. */
export const LEAST_KUBERNETES = '1.30';

/** Whether a server of this version, `v1.34.1`, is too old for Pharos; undefined where that is no version. */
export function isTooOld(version: string): boolean | undefined {
  const numbers = (text: string): number[] => /^v?(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number) ?? [];
  const [major, minor] = numbers(version);
  const [leastMajor = 0, leastMinor = 0] = numbers(LEAST_KUBERNETES);
  if (major === undefined || minor === undefined) return undefined;
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}
