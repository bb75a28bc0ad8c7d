import type { RouteCaller } from '@hexabase/authz/route-matrix.ts';
import type { Sent } from '../../attacks/exchange.ts';
import { longAfter, type World } from './world.ts';

const upgrade = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
  ['Sec-WebSocket-Protocol', 'v5.channel.k8s.io'],
];

/** How each route of the gateway is asked. */
export const gatewayRequests: Readonly<Record<string, (world: World, caller: RouteCaller) => Promise<Sent>>> =
  {
    '* /k8s/workspaces/*': async (world, caller) => ({
      path: `/k8s/workspaces/${world.own.workspaceId}/version`,
      token: await tokenOf(world, caller),
    }),
    'UPGRADE /k8s/workspaces/*': async (world, caller) => ({
      path: `/k8s/workspaces/${world.own.workspaceId}/api/v1/namespaces/default/pods/none/exec?command=id&stdout=true`,
      token: await tokenOf(world, caller),
      headers: upgrade.flat(),
    }),
  };

async function tokenOf(world: World, caller: RouteCaller): Promise<string | undefined> {
  const { product, own, another, bearers } = world;
  if (caller === 'anonymous' || caller === 'api-token') return bearers[caller];
  const of = caller === 'another' ? another : own;
  // Other rows sign in as often as they like, which ends the oldest session.
  const person = await product.signIn(of);
  const token = await product.kubeToken(person, of.workspaceId);
  if (caller === 'ended') await product.product.identity.signOut(person.access);
  return caller === 'expired' ? longAfter(product, token) : token;
}
