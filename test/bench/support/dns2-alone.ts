/** dns2 as its own documentation uses it, with a plain handler over a map of the same names. */
import { readFileSync } from 'node:fs';
import { createServer, Packet } from 'dns2';

const [zoneFile = '', port] = process.argv.slice(2);
const addresses = new Map<string, string[]>();
for (const line of readFileSync(zoneFile, 'utf8').split('\n')) {
  const [, name, address] = /^(\S+)\. IN A (\S+)$/.exec(line) ?? [];
  if (name === undefined || address === undefined) continue;
  const known = addresses.get(name);
  if (known === undefined) addresses.set(name, [address]);
  else known.push(address);
}

const server = createServer({
  udp: true,
  handle: (request, send) => {
    const response = Packet.createResponseFromRequest(request);
    const [question] = request.questions;
    const found = addresses.get(question?.name.toLowerCase() ?? '');
    if (found === undefined) response.header.rcode = 3;
    for (const address of found ?? []) {
      if (question === undefined || question.type !== Packet.TYPE.A) break;
      const record = { name: question.name, type: Packet.TYPE.A, class: 1, ttl: 5, address };
      // Its own examples leave out what its types ask for.
      response.answers.push(record as (typeof response.answers)[number]);
    }
    void send(response);
  },
});
await server.listen({ udp: { port: Number(port), address: '127.0.0.1' } });
