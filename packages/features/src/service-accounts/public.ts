export { requireServiceAccount } from './find.ts';
