import { grant } from '@hexabase/contract/access/grant.ts';
import { bind } from '../run/use-case.ts';
import { breakGlass, createGrant } from './create.ts';
import { endOwnGrant, revokeGrant } from './end.ts';
import { listGrants, listOwnGrants } from './list.ts';

const { operations } = grant;

export const grantRoutes = [
  bind(operations.list, listGrants),
  bind(operations.create, createGrant),
  bind(operations.revoke, revokeGrant),
  bind(operations.breakGlass, breakGlass),
  bind(operations.mine, listOwnGrants),
  bind(operations.end, endOwnGrant),
];
