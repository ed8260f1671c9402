/**
 * `npm run fuzz`: a million packets, right, wrong and nearly right, through the query path.
 *
 *   npm run fuzz -- --packets 5000000    more of them
 *   npm run fuzz -- --seed 42            the same ones again
 */
import { setFlagsFromString } from 'node:v8';
import { parseArgs } from 'node:util';
import { runInNewContext } from 'node:vm';
import { fuzz, Violation } from './fuzz.ts';

const { values } = parseArgs({
  options: {
    packets: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
  },
});
const packets = Number(values.packets);
const seed = Number(values.seed);
if (!Number.isInteger(packets) || packets < 1 || !Number.isInteger(seed) || seed < 0) {
  console.error(
    'fuzz: --packets and --seed are whole numbers; for example: npm run fuzz -- --packets 1000000 --seed 42',
  );
  process.exit(2);
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
/** Growth of the heap from the first tenth to the end, beyond which something is kept that should not be. */
const ALLOWED_GROWTH_MB = 32;
const heapMb = (): number => {
  collectGarbage();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

console.error(`fuzz: ${packets} packets, seed ${seed}`);
const started = performance.now();
let reported = started;
let warmHeap: number | undefined;
try {
  const outcome = fuzz({
    packets,
    seed,
    onProgress: (number) => {
      if (warmHeap === undefined && number >= packets / 10) warmHeap = heapMb();
      if (performance.now() - reported < 1000) return;
      reported = performance.now();
      const rate = number / ((reported - started) / 1000);
      console.error(`fuzz: ${number} packets, ${Math.round(rate)}/s`);
    },
  });
  const growth = warmHeap === undefined ? 0 : heapMb() - warmHeap;
  if (growth > ALLOWED_GROWTH_MB) {
    throw new Violation(`the heap grew by ${growth.toFixed(1)} MB; seed ${seed}`);
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const { responses, cacheHits, fastAnswers, rcodes } = outcome;
  console.log(
    `fuzz: ${packets} packets in ${seconds} s, ${responses} responses, ${cacheHits} from the cache, ${fastAnswers} from the table, heap ${growth.toFixed(1)} MB more; by code: ${rcodes.join(' ')}`,
  );
} catch (error) {
  if (!(error instanceof Violation)) throw error;
  console.error(
    `fuzz: ${error.message}\nfuzz: to see it again: npm run fuzz -- --packets ${packets} --seed ${seed}`,
  );
  process.exitCode = 1;
}
