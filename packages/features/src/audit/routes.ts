import { audit } from '@hexabase/contract/audit.ts';
import { bind } from '../run/use-case.ts';
import { exportAudit } from './export.ts';
import { listAudit, listOwnAudit, listPlatformAudit } from './list.ts';

const { operations } = audit;

export const auditRoutes = [
  bind(operations.list, listAudit),
  bind(operations.export, exportAudit),
  bind(operations.mine, listOwnAudit),
  bind(operations.platform, listPlatformAudit),
];
