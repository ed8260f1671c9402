/** A kernel's view of what the route agent owns, as far as steps change it: enough to hold plans to their laws. */
import type { IpStep } from '../../../src/host/ip-steps.ts';
import { EMPTY_STATE, type RoutingState } from '../../../src/routing/routing-state.ts';

/** What the state is after the steps. Refuses what a kernel would refuse. */
export function applied(state: RoutingState, steps: readonly IpStep[]): RoutingState {
  let link = state.link;
  let [addresses, neighbours, forwardings] = [
    new Set(state.addresses),
    new Map(state.neighbours),
    new Map(state.forwardings),
  ];
  let [nexthops, routes] = [new Map(state.nexthops), new Map(state.routes)];
  const rules = new Set(state.rules);
  const need = (condition: boolean, step: IpStep): void => {
    if (!condition) throw new Error(`a kernel would refuse ${JSON.stringify(step)}`);
  };
  for (const step of steps) {
    switch (step.op) {
      case 'add-link':
        need(link === undefined && step.settings.kind === 'vxlan' && step.mac !== undefined, step);
        if (step.settings.kind !== 'vxlan' || step.mac === undefined) break;
        link = { local: step.settings.local, mac: step.mac, mtu: step.mtu, up: false };
        break;
      case 'set-link':
        need(link !== undefined, step);
        if (link !== undefined) link = { ...link, mtu: step.mtu ?? link.mtu };
        break;
      case 'up':
        need(link !== undefined, step);
        if (link !== undefined) link = { ...link, up: true };
        break;
      case 'remove-link':
        need(link !== undefined, step);
        link = undefined;
        ({ addresses, neighbours, forwardings, nexthops, routes } = {
          addresses: new Set(EMPTY_STATE.addresses),
          neighbours: new Map(EMPTY_STATE.neighbours),
          forwardings: new Map(EMPTY_STATE.forwardings),
          nexthops: new Map(EMPTY_STATE.nexthops),
          routes: new Map(EMPTY_STATE.routes),
        });
        break;
      case 'replace-address':
        need(link !== undefined, step);
        addresses.add(step.ip);
        break;
      case 'remove-address':
        need(addresses.delete(step.ip), step);
        break;
      case 'replace-neighbour':
        need(link !== undefined, step);
        neighbours.set(step.ip, step.mac);
        break;
      case 'remove-neighbour':
        need(neighbours.delete(step.ip), step);
        break;
      case 'append-forwarding':
        need(link !== undefined && !forwardings.has(step.mac), step);
        forwardings.set(step.mac, step.remote);
        break;
      case 'remove-forwarding':
        need(forwardings.get(step.mac) === step.remote && forwardings.delete(step.mac), step);
        break;
      case 'replace-nexthop':
        // A nexthop needs a device that is up.
        need(link?.up === true && step.via !== undefined, step);
        if (step.via !== undefined) nexthops.set(step.id, step.via);
        break;
      case 'remove-nexthop':
        need(nexthops.delete(step.id), step);
        // Its routes go with it.
        for (const [destination, target] of routes) if (target === step.id) routes.delete(destination);
        break;
      case 'replace-route':
        need('nexthop' in step.to ? nexthops.has(step.to.nexthop) : link?.up === true, step);
        routes.set(step.destination, 'nexthop' in step.to ? step.to.nexthop : 'device');
        break;
      case 'remove-route':
        need(routes.delete(step.destination), step);
        break;
      case 'add-rule':
        need(!rules.has(step.family), step);
        rules.add(step.family);
        break;
      case 'remove-rule':
        need(rules.delete(step.family), step);
        break;
      case 'replace-hole':
        // Only the gateway makes holes.
        need(false, step);
        break;
      default:
        step satisfies never;
    }
  }
  return { link, addresses, neighbours, forwardings, nexthops, routes, rules };
}
