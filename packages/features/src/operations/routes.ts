import { longOperation } from '@hexabase/contract/long-operation.ts';
import { bind } from '../run/use-case.ts';
import { getOperation } from './get.ts';
import { listOperations } from './list.ts';

export const operationRoutes = [
  bind(longOperation.operations.list, listOperations),
  bind(longOperation.operations.get, getOperation),
];
