import { access } from '@hexabase/contract/access/access.ts';
import { bind } from '../run/use-case.ts';
import { explainAccess } from './explain.ts';
import { viewAs } from './view-as.ts';
import { whoCan } from './who-can.ts';

const { operations } = access;

export const accessRoutes = [
  bind(operations.explain, explainAccess),
  bind(operations.whoCan, whoCan),
  bind(operations.viewAs, viewAs),
];
