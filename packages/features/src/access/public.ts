export { revokeUsers } from '@hexabase/postgres/revoke-users.ts';
export { accessKind, wakeAccess } from './wake-store.ts';
