import { organization } from '@hexabase/contract/organization.ts';
import { bind } from '../run/use-case.ts';
import { createOrganization } from './create.ts';
import { deleteOrganization, restoreOrganization } from './delete.ts';
import { getOrganization } from './get.ts';
import { leaveOrganization, transferOrganization } from './leave.ts';
import { listOrganizations } from './list.ts';
import { requireSecondFactor } from './require-second-factor.ts';
import { updateOrganization } from './update.ts';

const { operations } = organization;

export const organizationRoutes = [
  bind(operations.list, listOrganizations),
  bind(operations.create, createOrganization),
  bind(operations.get, getOrganization),
  bind(operations.update, updateOrganization),
  bind(operations.delete, deleteOrganization),
  bind(operations.restore, restoreOrganization),
  bind(operations.requireSecondFactor, requireSecondFactor),
  bind(operations.transfer, transferOrganization),
  bind(operations.leave, leaveOrganization),
];
