import { expect, it } from 'vitest';
import { detailsText } from './cli-error.ts';

it('what a refusal says in its details is read at the terminal, the way out last', () => {
  const text = detailsText({
    howTo: 'hks login',
    fields: [{ path: 'rules.0', message: 'no wildcards' }, { message: 'something else' }],
    regionsWithRoom: ['eu-1', 'eu-2'],
    regions: [],
    organizationId: '0190',
    retryAfterSeconds: 7,
  });
  expect(text.split('\n')).toEqual([
    '',
    '  - rules.0: no wildcards',
    '  - something else',
    '  regions with room: eu-1, eu-2',
    '  regions: none',
    '  Try again in 7 s.',
    '  hks login',
  ]);
  expect(detailsText({})).toBe('');
});
