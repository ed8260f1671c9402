import type { Condition } from '../api/objects.ts';
import type { Told } from './events.ts';

/**
 * What happened to an export, by its conditions before and after: what went wrong, what is right again, and
 * that it has arrived. Pure.
 */
export function exportEvents(before: readonly Condition[], after: readonly Condition[]): Told[] {
  const was = new Map(before.map((condition) => [condition.type, condition]));
  return after.flatMap((is): Told[] => {
    const old = was.get(is.type);
    if (
      old?.status === is.status &&
      old.reason === is.reason &&
      (is.type !== 'Conflict' || old.message === is.message)
    ) {
      return [];
    }
    const tell = (type: Told['type'], reason: string): Told[] => [
      { type, reason, action: 'Export', note: is.message },
    ];
    switch (is.type) {
      case 'Valid':
        if (is.status === 'False') return tell('Warning', is.reason);
        return old?.status === 'False' ? tell('Normal', 'Valid') : [];
      case 'Ready':
        if (is.status === 'True') return tell('Normal', 'Exported');
        return is.reason === 'Failed' ? tell('Warning', 'ExportFailed') : [];
      case 'Conflict':
        if (is.status === 'True') return tell('Warning', 'Conflict');
        return old?.status === 'True' ? tell('Normal', 'ConflictResolved') : [];
      default:
        return [];
    }
  });
}
