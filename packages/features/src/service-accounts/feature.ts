import { serviceAccount } from '@hexabase/contract/people/service-account.ts';
import { bind, type Feature } from '../run/use-case.ts';
import { createServiceAccount } from './create.ts';
import { deleteServiceAccount } from './delete.ts';
import { getServiceAccount } from './get.ts';
import { listServiceAccounts } from './list.ts';
import { createServiceAccountToken, listServiceAccountTokens, revokeServiceAccountToken } from './tokens.ts';
import { updateServiceAccount } from './update.ts';

const { operations } = serviceAccount;

export const serviceAccountFeature: Feature = {
  noun: 'service-account',
  bindings: [
    bind(operations.list, listServiceAccounts),
    bind(operations.create, createServiceAccount),
    bind(operations.get, getServiceAccount),
    bind(operations.update, updateServiceAccount),
    bind(operations.delete, deleteServiceAccount),
    bind(operations.listTokens, listServiceAccountTokens),
    bind(operations.createToken, createServiceAccountToken),
    bind(operations.revokeToken, revokeServiceAccountToken),
  ],
};
