export { accessKind, revokeUsers, wakeAccess } from './revoke-store.ts';
