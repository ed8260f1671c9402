/** Whether serial `a` comes after `b` (RFC 1982, 3.2): by less than half of the circle of 2^32. */
export const isAfter = (a: number, b: number): boolean => a !== b && ((a - b) | 0) > 0;
