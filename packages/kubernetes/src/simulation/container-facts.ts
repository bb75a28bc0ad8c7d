import { behaviourOf, pullError } from './behaviour.ts';
import { resolveImage } from './images.ts';
import { waitingReason, type ContainerRun } from './pod-run.ts';
import { missingEnvironment } from './references.ts';

export function isCreating({ status }: ContainerRun): boolean {
  const reason = waitingReason(status.state);
  return reason === 'ContainerCreating' || reason === 'PodInitializing';
}

/** Someone changed the image of a pod that could not pull it. */
export function isImageCorrected(life: ContainerRun): boolean {
  const reason = waitingReason(life.status.state) ?? '';
  if (!['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName'].includes(reason)) return false;
  return failedPull(life) === undefined && resolution(life).kind === 'pulls';
}

export function creating(): ContainerRun['status']['state'] {
  return { waiting: { reason: 'ContainerCreating' } };
}

export function isPulled({ status }: ContainerRun): boolean {
  return status.imageID !== '';
}

export function isConfigurable(life: ContainerRun): boolean {
  return (
    (isCreating(life) && isPulled(life)) || waitingReason(life.status.state) === 'CreateContainerConfigError'
  );
}

export function isStopped({ status }: ContainerRun): boolean {
  return status.state.terminated !== undefined;
}

export function restarts({ run, container, status, isInit }: ContainerRun): boolean {
  const failed = (status.state.terminated?.exitCode ?? 0) !== 0;
  const policy = container.restartPolicy ?? run.pod.spec.restartPolicy ?? 'Always';
  if (isInit && container.restartPolicy !== 'Always') return failed && policy !== 'Never';
  return policy === 'Always' || (policy === 'OnFailure' && failed);
}

export function resolution({ container }: ContainerRun) {
  return resolveImage(container.image ?? '');
}

export function failedPull(life: ContainerRun): string | undefined {
  const told = pullError(life.run.pod, life.container);
  if (told !== undefined) return told;
  const image = resolution(life);
  return image.kind === 'fails' ? image.message : undefined;
}

export function missing(life: ContainerRun) {
  return missingEnvironment(life.run.client, life.run.pod, life.container);
}

export function behaviour({ run, container, isInit }: ContainerRun) {
  return behaviourOf(run.pod, container, isInit);
}

export function endOf(life: ContainerRun): { afterMs: number; exitCode: number; reason: string } {
  const known = behaviour(life);
  return known.kind === 'ends' ? known : { afterMs: 0, exitCode: 0, reason: 'Completed' };
}
