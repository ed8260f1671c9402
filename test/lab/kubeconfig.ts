import type { Identity } from './x509.ts';

/** A kubeconfig as JSON, which every reader of YAML reads. */
export function kubeconfigFor(cluster: string, url: string, authority: string, identity: Identity): string {
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
  return JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: cluster, cluster: { server: url, 'certificate-authority-data': base64(authority) } },
      ],
      users: [
        {
          name: cluster,
          user: {
            'client-certificate-data': base64(identity.certificate),
            'client-key-data': base64(identity.key),
          },
        },
      ],
      contexts: [{ name: cluster, context: { cluster, user: cluster } }],
      'current-context': cluster,
    },
    null,
    1,
  );
}
