import { describe, expect, it } from 'vitest';
import { covers } from './covers.ts';

describe('an object that is as it should be', () => {
  it('may have more fields than we decide, also within lists', () => {
    const live = {
      spec: { replicas: 1, containers: [{ name: 'a', image: 'x', terminationMessagePath: '/y' }] },
    };
    expect(covers(live, { spec: { containers: [{ name: 'a', image: 'x' }] } })).toBe(true);
  });

  it('has every value that we decide', () => {
    expect(covers({ spec: { replicas: 1 } }, { spec: { replicas: 0 } })).toBe(false);
    expect(covers({ spec: {} }, { spec: { replicas: 1 } })).toBe(false);
  });

  it('has as many entries in a list as we decide, so that one that was added is noticed', () => {
    expect(covers({ rules: [{ verbs: ['get'] }, { verbs: ['*'] }] }, { rules: [{ verbs: ['get'] }] })).toBe(
      false,
    );
  });

  it('may leave out what we want empty, but not have something there', () => {
    expect(covers({}, { securityContext: {}, list: [], none: null, nodePort: 0 })).toBe(true);
    expect(covers({}, { allowPrivilegeEscalation: false })).toBe(false);
    expect(covers({ podSelector: { a: 'b' } }, { podSelector: {} })).toBe(false);
  });
});
