import { stringify } from 'yaml';
import type { Manifest } from './manifest.ts';

/** Manifests as `kubectl apply -f` takes them, under a comment that says where they belong. */
export const manifestsYaml = (comment: string, manifests: readonly Manifest[]): string =>
  `# ${comment}\n${manifests.map(({ object }) => stringify(object, { lineWidth: 0 })).join('---\n')}`;
