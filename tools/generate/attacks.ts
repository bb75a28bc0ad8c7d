import { catalogue } from '../../tests/attacks/catalogue/catalogue.ts';
import { namedTests, type NamedTest } from '../../tests/attacks/catalogue/named-tests.ts';
import { allWeakenings } from '../../tests/attacks/weakened/all-weakenings.ts';
import { lastShown } from '../../tests/attacks/weakened/record.ts';
import { withoutWeakening } from '../../tests/attacks/weakened/without-weakening.ts';

/** `docs/generated/attacks.md`: every attack of the catalogue, the tests that try it, and what they show without the check. */
export function attackCatalogue(): string {
  const tests = Map.groupBy(namedTests(), ({ id }) => id);
  const tried = [...tests.values()].flat().length;
  const absent = Object.values(catalogue).filter(({ notApplicable }) => notApplicable !== undefined).length;
  const bit = allWeakenings.flatMap((weakening) => lastShown(weakening) ?? []).filter(({ bites }) => bites);
  const days = bit.map(({ on }) => on).toSorted();
  const rows = Object.entries(catalogue).map(
    ([id, { attack, notApplicable }]) =>
      `| ${id} | ${cell(attack)} | ${held(tests.get(id) ?? [], notApplicable)} |`,
  );
  return [
    '# Attacks',
    '',
    'Generated from `tests/attacks/catalogue/`, the names of the tests and `tests/attacks/weakened/`; `npm run gen` writes it.',
    '',
    `${Object.keys(catalogue).length} kinds of attack, ${absent} of them with nothing to try them at; ${tried} tests. ${allWeakenings.length} of them have a weakened product,`,
    `on which they must fail; ${bit.length} were shown to since the weakening was last changed, the first on ${days[0] ?? '–'}, the last on ${days.at(-1) ?? '–'}`,
    '(`node tests/attacks/weakened/main.ts`; a sample runs every day).',
    '',
    '| id | attack | tests, and what an attacker gets without the check |',
    '| --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function held(tests: readonly NamedTest[], notApplicable: string | undefined): string {
  if (notApplicable !== undefined) return cell(`Not applicable: ${notApplicable}.`);
  return tests.map(testLine).join('<br>');
}

function testLine({ title, file }: NamedTest): string {
  const weakening = allWeakenings.find(({ attack }) => attack === title);
  const shown = weakening && lastShown(weakening)?.bites ? '' : ' (not shown yet)';
  const without = weakening
    ? `${weakening.because}${shown}`
    : `not weakened: ${withoutWeakening[title] ?? ''}`;
  return cell(`${title.slice(4)} (\`${file}\`) – _${without}_`);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
