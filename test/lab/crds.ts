import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { Rest } from './rest.ts';
import { until } from './wait.ts';

interface CrdStatus {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Applies CRDs (paths of YAML files of one each) and waits until the server serves them. */
export async function installCrds(rest: Rest, files: readonly string[]): Promise<void> {
  await Promise.all(
    files.map(async (file) => {
      const text = await readFile(file, 'utf8');
      const { metadata } = parse(text) as { metadata: { name: string } };
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${metadata.name}`;
      await rest.apply(path, text);
      await until(`CRD ${metadata.name} Established`, 20_000, async () => {
        const { status } = (await rest.get(path)) as CrdStatus;
        const established = status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True');
        return established ? true : undefined;
      });
    }),
  );
}
