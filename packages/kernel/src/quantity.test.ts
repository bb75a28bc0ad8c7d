import { expect, it } from 'vitest';
import { parseQuantity } from './quantity.ts';

it('reads quantities as Kubernetes writes them', () => {
  const read = ['2', '250m', '1.5', '.5', '512Mi', '1Gi', '1G', '1e3', '12E2', '1E', '100n', '-1', '+3k'].map(
    parseQuantity,
  );
  const values = [2, 0.25, 1.5, 0.5, 2 ** 29, 2 ** 30, 1e9, 1e3, 1200, 1e18, 1e-7, -1, 3000];
  for (const [index, value] of values.entries()) expect(read[index]).toBeCloseTo(value, 10);
});

it('says that what is no quantity is none, instead of taking it for something', () => {
  for (const text of ['', 'Mi', '12 Mi', '1Kib', '1e', '1.2.3', '0x10', '1K', 'NaN'])
    expect(parseQuantity(text), text).toBeNull();
});
