import { describe, expect, it } from 'vitest';
import {
  add,
  canonicalQuantity,
  cmp,
  formatQuantity,
  milliValue,
  parseQuantity,
  sub,
  tryParseQuantity,
  wholeValue,
} from './quantity.ts';

describe('quantities are stored in the canonical form of the API server', () => {
  it.each([
    ['0.5', '500m'],
    ['1024Mi', '1Gi'],
    ['1000m', '1'],
    ['1', '1'],
    ['0', '0'],
    ['0Mi', '0'],
    ['1500m', '1500m'],
    ['1.5Gi', '1536Mi'],
    ['1000k', '1M'],
    ['0.001', '1m'],
    ['1e3', '1e3'],
    ['12e6', '12e6'],
    ['1E', '1E'],
    ['100Ki', '100Ki'],
    ['1023Ki', '1023Ki'],
    ['0.5Ki', '512'],
    ['1.1Ki', '1126400m'],
    ['-1', '-1'],
    ['+5', '5'],
    ['.5', '500m'],
    ['5.', '5'],
    ['0.1n', '1n'],
    ['100', '100'],
    ['1000', '1k'],
    ['128974848', '128974848'],
    ['129e6', '129e6'],
    ['2Ti', '2Ti'],
  ])('%s becomes %s', (text, canonical) => {
    expect(canonicalQuantity(text)).toBe(canonical);
  });

  it.each(['', 'abc', '1 Gi', '1Zi', '1gi', '--1', '1.2.3', '1Kii', 'Mi'])('%j is refused', (text) => {
    expect(tryParseQuantity(text)).toBeUndefined();
  });
});

describe('quantity arithmetic', () => {
  it('compares across suffixes', () => {
    expect(cmp(parseQuantity('1Gi'), parseQuantity('1G'))).toBe(1);
    expect(cmp(parseQuantity('1000m'), parseQuantity(1))).toBe(0);
    expect(cmp(parseQuantity('-1'), parseQuantity('0'))).toBe(-1);
  });

  it('keeps the format of the first term', () => {
    expect(formatQuantity(add(parseQuantity('1Gi'), parseQuantity('1Gi')))).toBe('2Gi');
    expect(formatQuantity(add(parseQuantity('0'), parseQuantity('512Mi')))).toBe('512Mi');
    expect(formatQuantity(sub(parseQuantity('1'), parseQuantity('250m')))).toBe('750m');
  });

  it('rounds up to milli and whole values', () => {
    expect(milliValue(parseQuantity('0.1m'))).toBe(1);
    expect(milliValue(parseQuantity('2'))).toBe(2000);
    expect(wholeValue(parseQuantity('1.5'))).toBe(2);
    expect(wholeValue(parseQuantity('-1.5'))).toBe(-2);
  });
});
