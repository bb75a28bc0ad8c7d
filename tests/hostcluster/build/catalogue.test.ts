import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { earlierImage } from '../earlier-kubernetes.ts';
import { imagesOf } from '../images/catalogue.ts';
import { folders, versions } from '../settings.ts';
import { buildArguments, buildsOf, type Extras } from './catalogue.ts';

const all = buildsOf('tenant', { upgrade: true, kyverno: true, argocd: true });

describe('what is built', () => {
  it('grows with the level and never shrinks', () => {
    const names = (level: 'kwok' | 'node' | 'tenant'): string[] =>
      buildsOf(level).flatMap((build) => Object.keys(build.programs));
    expect(names('kwok')).toEqual([
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
      'kubectl',
      'etcd',
      'kwok',
      'helm',
    ]);
    expect(names('node')).toEqual(expect.arrayContaining([...names('kwok'), 'kubelet']));
    expect(names('tenant')).toEqual(expect.arrayContaining([...names('node'), 'vcluster']));
  });

  it('comes from modules whose versions and sums are pinned', () => {
    for (const { module, programs } of all) {
      const goMod = readFileSync(join(folders.modules, module, 'go.mod'), 'utf8');
      const fromElsewhere = Object.values(programs).some((path) => path !== '.') || /^require/m.test(goMod);
      if (fromElsewhere) expect(existsSync(join(folders.modules, module, 'go.sum')), module).toBe(true);
    }
    const vcluster = readFileSync(join(folders.modules, 'vcluster/go.mod'), 'utf8');
    expect(vcluster).toContain(`github.com/loft-sh/vcluster v${versions.vcluster}\n`);
    const kube = readFileSync(join(folders.modules, 'kube/go.mod'), 'utf8');
    expect(kube).toContain(`k8s.io/kubernetes v${versions.kubernetes}`);
    const earlier = readFileSync(join(folders.modules, 'kube-earlier/go.mod'), 'utf8');
    expect(earlier).toContain(`k8s.io/kubernetes v${versions.kubernetesEarlier}`);
    const kyverno = readFileSync(join(folders.modules, 'kyverno/go.mod'), 'utf8');
    expect(kyverno).toContain(`require github.com/kyverno/kyverno v${versions.kyverno}`);
    const proxy = readFileSync(join(folders.modules, 'oauth2-proxy/go.mod'), 'utf8');
    expect(proxy).toContain(`github.com/oauth2-proxy/oauth2-proxy/v7 v${versions.oauth2Proxy}\n`);
    const router = readFileSync(join(folders.modules, 'kube-router/go.mod'), 'utf8');
    expect(router).toContain(`github.com/cloudnativelabs/kube-router/v2 v${versions.kubeRouter} `);
    const coredns = readFileSync(join(folders.modules, 'coredns/go.mod'), 'utf8');
    expect(coredns).toContain(`github.com/coredns/coredns v${versions.coredns}`);
  });

  it('is stamped with its version, which clients ask for', () => {
    const [kube] = all;
    expect(kube && buildArguments(kube, '/out').join(' ')).toContain(
      `-X k8s.io/component-base/version.gitVersion=v${versions.kubernetes}`,
    );
  });

  it('covers every file that an image takes from it', () => {
    const built = new Set(all.flatMap((build) => Object.keys(build.programs)));
    const taken = Object.values(imagesOf('tenant', '/usr/bin/busybox', ['sh']))
      .flatMap(({ files }) => Object.values(files))
      .filter((path) => path.startsWith(`${folders.binaries}/`))
      .map((path) => path.slice(folders.binaries.length + 1));
    expect(taken.length).toBeGreaterThan(5);
    expect(taken.filter((name) => !built.has(name))).toEqual([]);
  });

  it('has what tenants are upgraded from when that is asked for, one minor before and stamped so', () => {
    const minor = (version: string): number => Number(version.split('.')[1]);
    expect(minor(versions.kubernetes) - minor(versions.kubernetesEarlier)).toBe(1);
    const earlier = all.filter(({ module }) => module === 'kube-earlier');
    expect(earlier.flatMap(({ programs }) => Object.keys(programs))).toEqual([
      `kube-apiserver-${versions.kubernetesEarlier}`,
      `kube-controller-manager-${versions.kubernetesEarlier}`,
    ]);
    for (const build of earlier)
      expect(buildArguments(build, '/out').join(' ')).toContain(`gitVersion=v${versions.kubernetesEarlier}`);
    expect(buildsOf('tenant').some(({ module }) => module === 'kube-earlier')).toBe(false);
    expect(buildsOf('node', { upgrade: true }).some(({ module }) => module === 'kube-earlier')).toBe(false);
    const { kubernetes } = imagesOf('tenant', '/usr/bin/busybox', ['sh']);
    const image = kubernetes && earlierImage(kubernetes);
    expect(image?.name).toMatch(new RegExp(`:v${versions.kubernetesEarlier}$`));
    const built = new Set(earlier.flatMap(({ programs }) => Object.keys(programs)));
    for (const name of built)
      expect(Object.values(image?.files ?? {})).toContain(join(folders.binaries, name));
  });

  it('has Kyverno, and Argo CD with the other clients, at every level, each when that is asked for', () => {
    const names = (extras: Extras): string[] =>
      buildsOf('kwok', extras).flatMap(({ programs }) => Object.keys(programs));
    expect(names({})).not.toEqual(expect.arrayContaining(['kyverno']));
    expect(names({})).not.toEqual(expect.arrayContaining(['argocd']));
    expect(names({ kyverno: true })).toContain('kyverno');
    expect(names({ argocd: true })).toEqual(expect.arrayContaining(['argocd', 'kubelogin', 'oauth2-proxy']));
  });

  it('makes the images of tenants only where tenants run', () => {
    expect(Object.keys(imagesOf('node', '/usr/bin/busybox', []))).toEqual(['pause', 'busybox', 'coredns']);
  });
});
