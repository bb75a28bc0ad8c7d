import { isObject, objectsOf } from '../auth/fields.ts';
import { concerns, type AdmissionContext } from './context.ts';

const taints = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** Lets every pod stay five minutes on a node that stops answering (plugin DefaultTolerationSeconds). */
export function defaultTolerations(context: AdmissionContext): void {
  if (!concerns(context, '/pods') || (context.operation !== 'CREATE' && context.operation !== 'UPDATE'))
    return;
  const spec = context.object?.['spec'];
  if (!isObject(spec)) return;
  const tolerations = objectsOf(spec['tolerations']);
  const missing = taints.filter(
    (taint) =>
      !tolerations.some(
        ({ key = '', effect = '' }) =>
          (key === taint || key === '') && (effect === 'NoExecute' || effect === ''),
      ),
  );
  if (missing.length === 0) return;
  const added = missing.map((key) => ({
    effect: 'NoExecute',
    key,
    operator: 'Exists',
    tolerationSeconds: 300,
  }));
  spec['tolerations'] = [...tolerations, ...added];
}
