/* Sites and clients for tests: a configuration's text compiled, and messages put together octet by
 * octet. Knows nothing of what the code under test decides. */
#ifndef DHCP_SITE_TEST_H
#define DHCP_SITE_TEST_H

#include "proto/dhcp/message.h"
#include "proto/dhcp/relay.h"
#include "service/dhcp/site.h"

/* The site of a section `dhcp` with that body; asserts that it is right. */
struct dhcp_site *site_of(const char *body);

/* A client and its message; c.message and c.relay point into it. Do not copy it. */
struct site_client {
	uint8_t wire[1500];
	struct dhcp_message message;
	struct dhcp_relay_info relay;
	struct dhcp_client c;
};

/* options: CODE, LENGTH, octets, … of len octets in all. mac: the last octet of 02:00:00:00:00:XX.
 * The network is the nth of the site; the client is judged. */
void site_client_init(struct site_client *c, const struct dhcp_site *s, size_t network, uint8_t mac,
		      const char *options, size_t len);
#define SITE_CLIENT(c, s, network, mac, options)                                                   \
	site_client_init((c), (s), (network), (mac), "" options, sizeof(options) - 1)

/* The options of an answer to the client as "1=255.255.255.0 3=192.0.2.1 …", in their order; the
 * message type and what ends the list left out. pool may be NULL. */
const char *site_answer(const struct dhcp_site *s, const struct site_client *c,
			const struct dhcp_pool *pool);

#endif
