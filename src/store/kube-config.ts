/**
 * The one thing that Pharos takes from the Kubernetes client, in a module of its own: a bundler leaves out of
 * a package what nobody imports by name, but keeps all of a package that is imported lazily.
 */
export { KubeConfig } from '@kubernetes/client-node';
