import type { Origin, ZoneName } from '../zone/name.ts';
import type { Answer } from '../zone/records.ts';
import type { Candidate, Choice } from './explanation.ts';
import type { Exporters } from './exporters.ts';
import type { TypedQuestion } from './question.ts';
import type { World } from './world.ts';

export interface ServiceName {
  readonly namespace: string;
  readonly service: string;
}

/** All that was found out about a question, before it is put into words. */
export interface Finding {
  readonly question: TypedQuestion;
  readonly world: World;
  readonly answer: Answer;
  /** Undefined where the name is in no zone but a reverse one, if any. */
  readonly origin: Origin | undefined;
  readonly name: ZoneName | undefined;
  readonly service: ServiceName | undefined;
  /** Whether the zone has the service. */
  readonly isImported: boolean;
  /** Undefined where the objects behind the zone were not read. */
  readonly exporters: Exporters | undefined;
  readonly candidates: readonly Candidate[];
  readonly choice: Choice | undefined;
  readonly nearest: readonly string[];
}

/** `in east`, or nothing for a server outside all clusters. */
export const whereOf = ({ world: { cluster } }: Finding): string =>
  cluster === undefined ? '' : ` in ${cluster}`;

export const keyText = ({ namespace, service }: ServiceName): string => `${namespace}/${service}`;
