import { expect, it } from 'vitest';
import { StartError } from '../lifecycle/data-folder.ts';
import { chosenDriver } from './built-in-driver.ts';

const dataDir = '/data';

it('the driver of workspaces that are there is kept, and another one is refused in words', () => {
  expect(chosenDriver({ dataDir }, null)).toBe('embedded');
  expect(chosenDriver({ dataDir, driver: 'local' }, null)).toBe('local');
  expect(chosenDriver({ dataDir }, 'local')).toBe('local');
  for (const [driver, known] of [
    ['local', 'embedded'],
    ['embedded', 'local'],
  ] as const) {
    expect(chosenDriver({ dataDir, driver: known }, known)).toBe(known);
    const refused = () => chosenDriver({ dataDir, driver }, known);
    expect(refused).toThrow(StartError);
    expect(refused).toThrow(`The workspaces of /data are on the driver ${known}.`);
  }
});
