import { after, before } from 'node:test';
import { silentLog } from '../../../src/observability/log.ts';
import { openKubernetesStore } from '../../../src/store/kubernetes.ts';
import { type Lab, openLab } from '../../lab/lab.ts';
import { storeContract } from '../../unit/store/contract.ts';

let lab: Lab;
let kubeconfig: string;

before(async () => {
  lab = await openLab({ name: 'store' });
  ({ kubeconfig } = await lab.api('west'));
});
after(() => lab?.[Symbol.asyncDispose]());

storeContract('a Kubernetes API server', async () => {
  const store = await openKubernetesStore({ kubeconfig, log: silentLog });
  return { store, close: async () => store.close() };
});
