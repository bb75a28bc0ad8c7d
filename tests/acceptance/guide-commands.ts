import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from './programs.ts';

export interface GuideCommand<Who extends string> {
  who: Who;
  text: string;
  /** Lines of the answer; `…` stands for anything. */
  answer: string[];
}

/** The commands of a guide's `console` blocks, in order; each block says which of the people types. */
export function commandsOf<Who extends string>(guide: string, people: readonly Who[]): GuideCommand<Who>[] {
  const text = readFileSync(join(checkout, 'docs/guides', guide), 'utf8');
  return [...text.matchAll(/^```console (\w+)\n([\s\S]*?)^```/gm)].flatMap(([, name, block = '']) => {
    const who = people.find((one) => one === name);
    if (who === undefined) throw new Error(`${guide}: ${name} is nobody`);
    return block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = '', ...answer] = part.trimEnd().split('\n');
        return { who, text: command, answer };
      });
  });
}

/** Whether the output has what a line of the guide says. */
export function shows(output: string, line: string): boolean {
  const parts = line.split('…').map((part) =>
    part
      .trim()
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replace(/\s+/g, '\\s+'),
  );
  return new RegExp(parts.join('[\\s\\S]*'), 'i').test(output);
}
