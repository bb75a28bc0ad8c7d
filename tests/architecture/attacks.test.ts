import { describe, expect, it } from 'vitest';
import { catalogue } from '../attacks/catalogue/catalogue.ts';
import { namedTests } from '../attacks/catalogue/named-tests.ts';
import { sourceFiles } from './source-files.ts';

const tests = namedTests();
const ids = Object.keys(catalogue);

describe('the catalogue of attacks', () => {
  it('has each id once, without a gap, in its order', () => {
    const sizes = { A: 19, B: 19, C: 17, D: 21, E: 6 };
    const expected = Object.entries(sizes).flatMap(([letter, size]) =>
      Array.from({ length: size }, (_, index) => `${letter}${String(index + 1).padStart(2, '0')}`),
    );
    expect(ids).toEqual(expected);
  });

  it('says of every attack either which tests try it or why there is nothing to try it at', () => {
    const tried = new Set(tests.map(({ id }) => id));
    const absent = ids.filter((id) => catalogue[id]?.notApplicable !== undefined);
    expect(ids.filter((id) => !tried.has(id) && !absent.includes(id))).toEqual([]);
    expect(absent.filter((id) => tried.has(id))).toEqual([]);
    expect([...tried].filter((id) => !ids.includes(id))).toEqual([]);
  });

  it('is tried by eighty tests and more, each with a name of its own', () => {
    const titles = tests.map(({ title }) => title);
    expect(titles.length).toBeGreaterThanOrEqual(80);
    expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
  });

  it('finds the id in every test of an attack: none is named by its group alone', () => {
    const grouped = sourceFiles('tests/attacks').filter(({ text }) =>
      /describe(?:\.each\([^\n]*\))?\(\s*'[A-E]\d\d /.test(text),
    );
    expect(grouped.map(({ path }) => path)).toEqual([]);
  });
});
