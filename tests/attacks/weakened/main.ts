import { rotatingSeed, runsAll } from '../../faults/rotating-seed.ts';
import { allWeakenings } from './all-weakenings.ts';
import { groupsOf, startBiting, type Bite } from './bite.ts';
import { keepShown, lastShown } from './record.ts';
import type { Weakening } from './weakening.ts';

/**
 * `node tests/attacks/weakened/main.ts [--sample N | --left | WORD…]`: takes the check behind each attack away and
 * expects the attack to succeed. With words, only attacks whose names hold one; `--left`, those that no run has shown
 * yet; with a sample, N that change every day (`HKS_TEST_SEED` repeats a day, `HKS_TEST_ALL=1` takes all). What a run
 * without a sample shows is kept in `record.json`, from which `npm run gen` makes `docs/generated/attacks.md`.
 */
const [first = '', ...rest] = process.argv.slice(2);
const isSample = first === '--sample';
const chosen = isSample ? sample(Number(rest[0])) : matching([first, ...rest].filter(Boolean));
const shown: Bite[] = [];
{
  await using biter = await startBiting();
  for (const group of groupsOf(chosen)) {
    const bites = await biter.bite(group);
    shown.push(...bites);
    for (const { bites: bit, weakening, said } of bites)
      process.stdout.write(`${bit ? 'bites' : 'HELD '} ${weakening.attack}: ${said}\n`);
    if (!isSample) keepShown(bites, allWeakenings);
  }
}
const held = shown.filter(({ bites }) => !bites);
process.stdout.write(`${shown.length - held.length} of ${shown.length} attacks bite.\n`);
process.exit(held.length === 0 && shown.length > 0 ? 0 : 1);

function matching(words: readonly string[]): readonly Weakening[] {
  if (words[0] === '--left') return allWeakenings.filter((one) => lastShown(one)?.bites !== true);
  return words.length === 0
    ? allWeakenings
    : allWeakenings.filter(({ attack }) => words.some((word) => attack.includes(word)));
}

function sample(size: number): readonly Weakening[] {
  if (runsAll) return allWeakenings;
  const parts = Math.ceil(allWeakenings.length / size);
  const part = rotatingSeed(parts);
  return allWeakenings.filter((_weakening, index) => index % parts === part);
}
