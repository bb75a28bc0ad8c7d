import { token } from '@hexabase/contract/people/token.ts';
import { bind, type Feature } from '../run/use-case.ts';
import { createToken } from './create.ts';
import { listTokens } from './list.ts';
import { revokeToken } from './revoke.ts';

const { operations } = token;

export const tokenFeature: Feature = {
  noun: 'token',
  bindings: [
    bind(operations.list, listTokens),
    bind(operations.create, createToken),
    bind(operations.revoke, revokeToken),
  ],
};
