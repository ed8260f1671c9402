/** What the checks of `pharos diagnose` are about. */
export const CHECK_GROUPS = ['versions', 'broker', 'dns', 'tunnel', 'host'] as const;
export type CheckGroup = (typeof CHECK_GROUPS)[number];
