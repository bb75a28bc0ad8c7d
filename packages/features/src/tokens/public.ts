export { endToken, issueToken } from './issue.ts';
export { listMachineTokenRows } from './store.ts';
