import { federation } from '@hexabase/contract/people/federation.ts';
import { bind, type Feature } from '../run/use-case.ts';
import { createFederation } from './create.ts';
import { deleteFederation } from './delete.ts';
import { getFederation } from './get.ts';
import { listFederations } from './list.ts';

const { operations } = federation;

export const federationFeature: Feature = {
  noun: 'federation',
  bindings: [
    bind(operations.list, listFederations),
    bind(operations.create, createFederation),
    bind(operations.get, getFederation),
    bind(operations.delete, deleteFederation),
  ],
};
