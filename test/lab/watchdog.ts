import { tearDownAfterOwner } from './run.ts';

// Started by beginRun() with a pipe as stdin that its owner holds open. End of file means that the owner
// has ended: after close() there is nothing left to do, after SIGKILL there is everything.
const [id] = process.argv.slice(2);
if (id === undefined) throw new Error('watchdog.ts: the id of a run is missing');
process.stdin.resume();
process.stdin.once('end', () => void tearDownAfterOwner(id));
