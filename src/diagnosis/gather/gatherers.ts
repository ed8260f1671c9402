import type { ServerQuestions } from '../../store/server-questions.ts';
import type { ObjectStore } from '../../store/store.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Gatherers } from '../fact-source.ts';
import { type BrokerAccess, brokerGatherers } from './broker.ts';
import { type Asking, dnsGatherers } from './dns.ts';
import { hostGatherers, type Host } from './host.ts';
import { memberGatherers } from './member.ts';

export interface GathererOptions {
  readonly member: ObjectStore & Partial<ServerQuestions>;
  /** With what the member itself holds; undefined where it is no member. */
  readonly asMember: () => Promise<BrokerAccess | undefined>;
  /** With an administrator's kubeconfig, where one was given. */
  readonly asAdministrator: (() => Promise<BrokerAccess>) | undefined;
  readonly asking: Asking;
  /** Undefined = this machine is no node, or nobody said that it is one. */
  readonly host: Host | undefined;
  readonly zone: string;
  readonly clock: Clock;
}

/** Who reads which fact, and from where. Nothing is asked yet. */
export const gatherersFor = (options: GathererOptions): Gatherers => ({
  ...memberGatherers(options.member),
  ...brokerGatherers(options),
  ...dnsGatherers(options),
  ...hostGatherers(options.host),
});
