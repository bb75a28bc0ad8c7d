import { secondFactor } from '@hexabase/contract/people/second-factor.ts';
import { bind, type Feature } from '../run/use-case.ts';
import { addPasskey, addTotp, confirmTotp, renewRecoveryCodes } from './add.ts';
import { listSecondFactors } from './list.ts';
import { removeSecondFactor } from './remove.ts';
import { resetSecondFactors } from './reset.ts';

const { operations } = secondFactor;

export const secondFactorFeature: Feature = {
  noun: 'second-factor',
  bindings: [
    bind(operations.list, listSecondFactors),
    bind(operations.addTotp, addTotp),
    bind(operations.confirm, confirmTotp),
    bind(operations.addPasskey, addPasskey),
    bind(operations.renewCodes, renewRecoveryCodes),
    bind(operations.remove, removeSecondFactor),
    bind(operations.reset, resetSecondFactors),
  ],
};
