/* The answer to a packet that is refused, so that people see something: TCP RST, or ICMP "by
 * administrative prohibition". Knows not why it was refused. */
#ifndef VPN_GATE_REFUSE_H
#define VPN_GATE_REFUSE_H

#include "base/writer.h"

#include <stdbool.h>

struct gate_packet;

/* RFC 1812 4.3.2.3: an IPv4 error of at most 576 octets; RFC 4443 2.4: an IPv6 one of at most 1280.
 */
enum { REFUSE_ANSWER_MAX = 1280 };

/* May p be answered? Not (RFC 1122 3.2.2, RFC 4443 2.4) an ICMP error, what goes to many or comes
 * from many, a later fragment, a RST. */
bool refuse_may_answer(const struct gate_packet *p);

/* Writes the answer to p into w. from: the address that the error comes from, of p's family; empty:
 * p's own destination. False, and nothing written: it may not be answered, or there is no room. */
bool refuse_answer(const struct gate_packet *p, struct span bytes, struct span from,
		   struct writer *w);

#endif
