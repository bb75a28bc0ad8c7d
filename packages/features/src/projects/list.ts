import type { project } from '@hexabase/contract/project.ts';
import type { UseCase } from '../run/use-case.ts';
import { listProjectRows } from './store.ts';

export const listProjects: UseCase<typeof project.operations.list> = ({ tx, target }, { query }) =>
  listProjectRows(tx, target.id, query);
