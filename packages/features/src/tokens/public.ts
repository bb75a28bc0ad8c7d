export { endToken, issueToken } from './issue.ts';
export { listTokenRows } from './store.ts';
