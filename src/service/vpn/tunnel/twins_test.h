/* For tests: the same wire twice, whose last site is the responder. The first of the two takes
 * messages one by one, the second together; both have the same keys, so a message is for both. */
#ifndef VPN_TUNNEL_TWINS_TEST_H
#define VPN_TUNNEL_TWINS_TEST_H

#include "proto/wireguard/noise.h"
#include "service/vpn/tunnel/site_test.h"

enum { TWINS_SITES = 5 };

struct twins {
	struct wire *wires[2];
	struct site *responders[2]; /* in turn, together */
	struct test_random random;
	uint64_t stamp_ns;
};

void twins_init(struct twins *t);
void twins_done(struct twins *t);

/* The usual place of a site, or of a stranger: 192.0.2.N. */
struct vpn_endpoint twins_endpoint(unsigned n);
/* Of whoever has that key; each later than all before. */
struct vpn_handshake_message twins_initiation(struct twins *t, const uint8_t private[VPN_KEY_LEN],
					      unsigned from);
/* Of a site, 1 to TWINS_SITES - 1. */
struct vpn_handshake_message twins_initiation_of(struct twins *t, unsigned site);

/* n at most VPN_RECEIVE_MAX. */
void twins_receive(struct twins *t, const struct vpn_handshake_message *m, size_t n);
void twins_wait(struct twins *t, uint64_t ms);

/* What both sent, told and counted since the last call, which is forgotten then: NULL when it is
 * the same, else what is not. ret_responses: so many of the datagrams are. */
const char *twins_differ(struct twins *t, size_t *ret_responses);

#endif
