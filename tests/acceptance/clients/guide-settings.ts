import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../programs.ts';

/** One fenced block of the guide to single sign-on: its heading and its text. */
interface Block {
  under: string;
  language: string;
  text: string;
}

/**
 * The blocks of the guide to single sign-on, so that what is tried is what stands there. `under` begins the heading.
 * Throws when there is no such block.
 */
export function guideBlocks(under: string, language: string): string[] {
  const found = blocks().filter((block) => block.under.startsWith(under) && block.language === language);
  if (found.length === 0) throw new Error(`the guide has no ${language} under ${under}`);
  return found.map(({ text }) => text);
}

/** The guide's text with addresses, names and secrets of a test in place of the guide's. Throws for one that is not there. */
export function inPlace(text: string, replacements: Readonly<Record<string, string>>): string {
  return Object.entries(replacements).reduce((done, [from, to]) => {
    if (!done.includes(from)) throw new Error(`the guide does not say ${from} in: ${text}`);
    return done.replaceAll(from, to);
  }, text);
}

/** What is typed after `$ `; lines that end with a backslash go on. */
export function commandsIn(block: string): string[] {
  return [...block.matchAll(/^\$ ((?:.*\\\n)*.*)$/gm)].map(([, command = '']) =>
    command.replace(/\\\n\s*/g, ''),
  );
}

function blocks(): Block[] {
  const guide = readFileSync(join(checkout, 'docs/guides/single-sign-on.md'), 'utf8');
  return guide.split(/^## /m).flatMap((part) => {
    const [under = ''] = part.split('\n');
    return [...part.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)].map(([, language = '', text = '']) => ({
      under,
      language,
      text,
    }));
  });
}
