import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { usage as upUsage } from '../../apps/server/src/arguments.ts';
import { kubernetesUsage } from '../../apps/server/src/kubernetes/serve-command.ts';
import { migrateUsage } from '../../apps/server/src/migrate/commands.ts';
import { runOperator } from '../../apps/server/src/operator/commands.ts';
import { isTest, root, sourceFiles } from './source-files.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const pages = [
  'README.md',
  'docs/security.md',
  ...['docs/guides', 'docs/operations'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
  ),
];

/** One command as a document shows it: `hks workspace create NAME --plan pro`, in words. */
interface Shown {
  page: string;
  words: string[];
}

const programs =
  /(?:^|[\s(=])(?:\.\/)?((?:hks|hexabase-cli|hexabase-migrate)(?: [^|;&()<>]*)?)(?=$|[|;&()<>])/g;

/** In blocks each line, in sentences what stands in backticks alone; without comments. */
function shownIn(page: string): Shown[] {
  const text = read(page);
  const blocks = [...text.matchAll(/^\s*```\w*\n([\s\S]*?)^\s*```/gm)].map(([, block = '']) => block);
  const lines = blocks.flatMap((block) => block.replaceAll(/\\\n/g, ' ').split('\n'));
  const spans = [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/`([^`]+)`/g)].map(
    ([, span = '']) => span,
  );
  const inSpans = spans.filter((span) =>
    /^(?:\w+=\S+ )*(?:\.\/)?(?:hks|hexabase-cli|hexabase-migrate) /.test(span),
  );
  return [...lines.map((line) => line.replace(/(?:^|\s)#.*$/, '')), ...inSpans].flatMap((line) =>
    [...line.matchAll(programs)].map(([, command = '']) => ({
      page,
      words: command
        .replaceAll(/'[^']*'|"[^"]*"/g, 'TEXT')
        .trim()
        .split(/\s+/),
    })),
  );
}

const sections = new Map(
  read('docs/generated/cli.md')
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section] as const),
);

/** What sentences of ours tell people to type: in backticks, in strings of the code. */
function shownInCode(): Shown[] {
  return sourceFiles('packages', 'apps')
    .filter((file) => !isTest(file))
    .flatMap(({ path: page, text }) =>
      [
        ...text.replaceAll(/^\s*(?:\/?\*|\/\/).*$/gm, '').matchAll(/`((?:hks|hexabase-cli) [^`$\\\n]*)\\?`/g),
      ].map(([, command = '']) => ({
        page,
        words: command.trim().split(/\s+/),
      })),
    );
}

/** Values and placeholders are no part of a command's name. */
const isName = (word: string | undefined): word is string => /^[a-z][a-z-]*$/.test(word ?? '');

const flagsIn = (words: readonly string[]): string[] =>
  words.flatMap((word) => /^(--[a-z][a-z-]*|-[a-z])(?:=|$)/.exec(word)?.[1] ?? []);

const lacks = (text: string, words: readonly string[]): string[] =>
  flagsIn(words).filter((flag) => !new RegExp(`(?<![\\w-])${flag}(?![\\w-])`).test(text));

/** What the command line does not have of it: the command itself, or flags. */
function missingOfHks([, ...words]: readonly string[]): string[] {
  const [first] = words;
  // Handed on as they are, to programs with words of their own.
  if (first === undefined || ['test', 'check', 'bench'].includes(first)) return [];
  if (['up', 'down', 'status'].includes(first)) return lacks(upUsage, words);
  if (first === 'kubernetes') return lacks(kubernetesUsage, words);
  let name = 'hks';
  for (const word of words) {
    if (!isName(word) || !sections.has(`${name} ${word}`)) break;
    name += ` ${word}`;
  }
  const next = words[name.split(' ').length - 1];
  const section = sections.get(name) ?? '';
  if (isName(next) && section.includes('\nCommands:')) return [`${name} ${next}`];
  return lacks(`${section} --help -h`, words);
}

const nouns: ReadonlySet<string> = new Set(['audit', 'grant', 'idp', 'host', 'federation', 'client']);

async function missingOfOperator([, noun = '', ...words]: readonly string[]): Promise<string[]> {
  if (noun.startsWith('-')) return [];
  const own = nouns.has(noun) ? [noun, '--help'] : ['--help'];
  const { text: general } = await runOperator(['--help'], {}, Readable.from([]));
  const { text } = await runOperator(own, {}, Readable.from([]));
  const verbs = [...text.matchAll(new RegExp(`hexabase-cli ${noun}(?: ([a-z|-]+))?`, 'g'))].flatMap(
    ([, verb]) => (verb ?? '').split('|'),
  );
  const [verb] = words;
  if (verbs.length === 0 || (isName(verb) && !verbs.includes(verb))) return [`${noun} ${verb ?? ''}`];
  return lacks(`${text}\n${general} --help -h`, words);
}

async function missingOf({ words }: Shown): Promise<string[]> {
  const [program] = words;
  if (program === 'hks') return missingOfHks(words);
  if (program === 'hexabase-cli') return missingOfOperator(words);
  return lacks(migrateUsage, words);
}

/** The name of a device in an example. */
const noCommands: ReadonlySet<string> = new Set(['hks on laptop']);

it('every command that a guide, a page for operators or a sentence of ours shows is there, with its flags', async () => {
  const inCode = shownInCode();
  expect(inCode.length).toBeGreaterThan(50);
  const shown = [...pages.flatMap(shownIn), ...inCode].filter(
    ({ words }) => !noCommands.has(words.join(' ')),
  );
  expect(shown.length).toBeGreaterThan(200);
  const missing = await Promise.all(
    shown.map(async (one) =>
      (await missingOf(one)).map((what) => `${one.page}: ${one.words.join(' ')}: ${what}`),
    ),
  );
  expect(missing.flat()).toEqual([]);
});

it('tells a command and a flag that there is none of', async () => {
  const of = (command: string) => missingOf({ page: '', words: command.split(' ') });
  expect(await of('hks workspace hibernate NAME')).toEqual(['hks workspace hibernate']);
  expect(await of('hks workspace create NAME --tier pro')).toEqual(['--tier']);
  expect(await of('hexabase-cli host evict NAME')).toEqual(['host evict']);
  expect(await of('hexabase-cli host add NAME --zone R')).toEqual(['--zone']);
  expect(await of('hks up --host-kubeconfi F')).toEqual(['--host-kubeconfi']);
});

it('every variable that a guide or a page for operators names is one of the documented ones', () => {
  const known = new Set(read('docs/generated/environment.md').match(/\bHKS_[A-Z_]+\b/g));
  const named = pages.flatMap((page) =>
    (read(page).match(/\bHKS_[A-Z_]+\b/g) ?? []).map((name) => `${page}: ${name}`),
  );
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter((one) => !known.has(one.split(': ')[1] ?? ''))).toEqual([]);
});
