/* Connections of quarantined peers to port 80 of anything, led to the sign-in page, and the page's
 * answers led back under the address that was asked: destination and port are exchanged in place.
 * Knows nothing of HTTP, nor of who is in quarantine. */
#ifndef VPN_GATE_WEB_REDIRECT_H
#define VPN_GATE_WEB_REDIRECT_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/address.h"

struct gate_packet;
struct web_redirect;

enum {
	WEB_REDIRECT_PER_PEER = 32, /* connections at a time, then the oldest gives way */
	WEB_REDIRECT_PORT = 80,
};

/* Where the page listens; family 0: no page of that family. port: for redirected connections. */
struct web_redirect_page {
	struct ip_address page4, page6;
	uint16_t port;
};

/* connections: for all peers, rounded up to a power of two; when they are taken, the longest silent
 * of a few gives way. key: of the hash, random. ENOMEM. */
MUST enum err web_redirect_new(size_t connections, const uint8_t key[16],
			       struct web_redirect **ret);
/* When no thread uses it; accepts NULL. */
void web_redirect_free(struct web_redirect *r);
DEFINE_AUTO(struct web_redirect, web_redirect_free)

/* bytes: the whole packet, changed in place, checksums too; p: it, read, TCP, whole or a first
 * fragment. partial: the transport checksum is the pseudo-header's sum alone. */
struct web_redirect_packet {
	uint8_t *bytes;
	const struct gate_packet *p;
	bool partial;
};

/* A packet to port 80: towards the page. False, and unchanged: no page of that family, or the
 * middle of a connection that is not remembered. From any thread. */
bool web_redirect_in(struct web_redirect *r, const struct web_redirect_page *page,
		     const struct web_redirect_packet *packet, uint64_t now_ms);
/* A packet from the page's port: as if from the address that was asked. False, and unchanged: not
 * of a remembered connection. From any thread. */
bool web_redirect_out(struct web_redirect *r, const struct web_redirect_page *page,
		      const struct web_redirect_packet *packet, uint64_t now_ms);

#endif
