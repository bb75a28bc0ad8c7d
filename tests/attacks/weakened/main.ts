import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rotatingSeed, runsAll } from '../../faults/rotating-seed.ts';
import { allWeakenings } from './all-weakenings.ts';
import { startBiting, type Bite } from './bite.ts';
import type { Weakening } from './weakening.ts';

/**
 * `node tests/attacks/weakened/main.ts [--sample N | WORD…]`: takes the check behind each attack away and expects the
 * attack to succeed. With words, only attacks whose names hold one; with a sample, N that change every day
 * (`HKS_TEST_SEED` repeats a day, `HKS_TEST_ALL=1` takes all). A run of all writes `last-run.md`.
 */
const [first = '', ...rest] = process.argv.slice(2);
const chosen = first === '--sample' ? sample(Number(rest[0])) : matching([first, ...rest].filter(Boolean));
const bites: Bite[] = [];
{
  await using biter = await startBiting();
  for (const weakening of chosen) {
    const bite = await biter.bite(weakening);
    bites.push(bite);
    process.stdout.write(
      `${bite.bites ? 'bites' : 'HELD '} ${bite.seconds} s ${weakening.attack}: ${bite.said}\n`,
    );
  }
}
const held = bites.filter(({ bites: bit }) => !bit);
process.stdout.write(`${bites.length - held.length} of ${bites.length} attacks bite.\n`);
if (chosen.length === allWeakenings.length) writeFileSync(join(import.meta.dirname, 'last-run.md'), report());
process.exit(held.length === 0 && bites.length > 0 ? 0 : 1);

function matching(words: readonly string[]): readonly Weakening[] {
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

function report(): string {
  const rows = bites.map(
    ({ weakening, bites: bit, said, seconds }) =>
      `| ${bit ? 'bites' : '**held**'} | ${weakening.attack} | ${cell(weakening.because)} | ${cell(said)} | ${seconds} |`,
  );
  const minutes = Math.round(bites.reduce((sum, { seconds }) => sum + seconds, 0) / 6) / 10;
  return [
    '# Every attack against the product without the check that stops it',
    '',
    `Written by \`node tests/attacks/weakened/main.ts\` on ${new Date().toISOString().slice(0, 10)}: ${bites.length - held.length} of ${bites.length} bite, in ${minutes} minutes.`,
    'The check is taken out of the source as it is loaded (`weakenings/`), the product is started, and the attack must succeed:',
    'its test must fail. What it said then stands in the fourth column.',
    '',
    '| | attack | without the check | the test said | s |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
