import { expect, test } from 'vitest';
import { refusalOf } from './kubernetes-version.ts';

const offered = ['1.36', '1.35', '1.34'];

test('what has the form of a version is refused for what it is', () => {
  const to = (version: string, of = offered) => refusalOf({ from: '1.34', to: version, offered: of });
  expect(to('1.35')).toBeNull();
  expect(to('1.36')).toContain('go to 1.35 first');
  expect(to('1.33')).toContain('cannot go back');
  // The way there would end at what nobody offers.
  for (const other of ['9.99', '9.01', '0.35', '1.99', '1.37'])
    expect(to(other)).toBe(`This installation does not offer ${other}. It offers 1.36, 1.35, 1.34.`);
  for (const other of ['1.35', '9.99', '9.01'])
    expect(to(other, ['1.34'])).toBe('Workspaces here have one version, 1.34.');
});
