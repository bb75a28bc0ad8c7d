import { asJson, isJson, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { nonNegative, portName, portNumber } from '../formats.ts';
import { checkFormat } from '../problems.ts';
import type { Problems } from '../problems.ts';

const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc'];
const COUNTS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
];

/** Rules of the probes and lifecycle hooks of a container. */
export function checkProbes(container: Json, path: string, problems: Problems): void {
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = container[name];
    if (!isJson(probe)) continue;
    const at = `${path}.${name}`;
    checkHandler(probe, { path: at, kinds: HANDLERS }, problems);
    for (const count of COUNTS)
      checkFormat(`${at}.${count}`, probe[count], { messages: nonNegative(probe[count]), problems });
    const success = probe['successThreshold'] ?? 1;
    if (name !== 'readinessProbe' && success !== 1)
      problems.invalid(`${at}.successThreshold`, success, 'must be 1');
    if (name === 'readinessProbe' && probe['terminationGracePeriodSeconds'] !== undefined) {
      problems.invalid(
        `${at}.terminationGracePeriodSeconds`,
        probe['terminationGracePeriodSeconds'],
        'must not be set for readinessProbes',
      );
    }
  }
  const lifecycle = asJson(container['lifecycle']);
  for (const hook of ['postStart', 'preStop']) {
    const handler = lifecycle[hook];
    if (isJson(handler))
      checkHandler(
        handler,
        { path: `${path}.lifecycle.${hook}`, kinds: ['exec', 'httpGet', 'tcpSocket', 'sleep'] },
        problems,
      );
  }
}

function checkHandler(
  handler: Json,
  { path, kinds }: { path: string; kinds: readonly string[] },
  problems: Problems,
): void {
  const [first, ...others] = kinds.filter((kind) => isJson(handler[kind]));
  if (first === undefined) {
    problems.required(path, 'must specify a handler type');
    return;
  }
  for (const other of others)
    problems.forbidden(`${path}.${other}`, 'may not specify more than 1 handler type');
  const action = asJson(handler[first]);
  if (first === 'exec' && !(Array.isArray(action['command']) && action['command'].length > 0))
    problems.required(`${path}.exec.command`);
  if (first === 'httpGet' || first === 'tcpSocket')
    checkPort(action['port'], `${path}.${first}.port`, problems);
  if (first === 'httpGet') {
    if (text(action['path']) === '') problems.required(`${path}.httpGet.path`);
    const scheme = text(action['scheme']);
    if (!['HTTP', 'HTTPS'].includes(scheme))
      problems.notSupported(`${path}.httpGet.scheme`, scheme, ['HTTP', 'HTTPS']);
  }
}

function checkPort(port: unknown, path: string, problems: Problems): void {
  const messages = typeof port === 'string' ? portName(port) : portNumber(port);
  checkFormat(path, port ?? 0, { messages, problems });
}
