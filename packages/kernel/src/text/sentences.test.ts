import { expect, it } from 'vitest';
import { clause, sentences } from './sentences.ts';

it('sentences stand beside each other with one mark each, however they were written', () => {
  expect(sentences('It is another one. Nothing was changed.', '`hks why` tells more')).toBe(
    'It is another one. Nothing was changed. `hks why` tells more.',
  );
  expect(sentences('No node has room', '', 'Wait!', 'It waits …', 'So it said (“no route.”)')).toBe(
    'No node has room. Wait! It waits … So it said (“no route.”).',
  );
  expect(sentences('', ' ')).toBe('');
});

it('a sentence inside of another one has no stop', () => {
  expect(`refused (${clause('It is too small. Choose another.')}); going back`).toBe(
    'refused (It is too small. Choose another); going back',
  );
});
