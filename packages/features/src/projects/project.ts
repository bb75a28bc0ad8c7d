/** Namespaces that Kubernetes and the platform keep for themselves; they are never projects. */
export function isSystemNamespace(name: string): boolean {
  return name === 'default' || name.startsWith('kube-') || name.startsWith('hexabase-');
}
