"""Decodes messages with dnspython: a line of hex in, a line of JSON out, or what is wrong with the message."""
import json
import sys

import dns.exception
import dns.flags
import dns.message

for line in sys.stdin:
    try:
        message = dns.message.from_wire(bytes.fromhex(line.strip()), one_rr_per_rrset=True)
        sections = [
            [f"{rrset.name} {rrset.ttl} {rrset.rdtype} {rrset[0].to_text()}" for rrset in section]
            for section in (message.answer, message.authority, message.additional)
        ]
        flags = [name for name in ("AA", "TC", "RD", "RA") if message.flags & dns.flags.Flag[name]]
        said = {"rcode": int(message.rcode()), "flags": flags, "sections": sections, "edns": message.edns}
    except dns.exception.DNSException as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(said))
