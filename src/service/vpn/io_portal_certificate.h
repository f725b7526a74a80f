/* The page's certificate: given in the configuration, or of the gateway's own authority, which is
 * made at the first start and kept in the state directory. Knows no connection. */
#ifndef VPN_IO_PORTAL_CERTIFICATE_H
#define VPN_IO_PORTAL_CERTIFICATE_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/address.h"

struct tls_server;

enum {
	PORTAL_DER_MAX = 2048,
	PORTAL_PEM_MAX = 4096,
	PORTAL_RENEW_MS = 6 * 3600 * 1000, /* how often portal_certificate is to be asked again */
};

struct portal_certificate {
	const char *state; /* the state directory */
	const char *name;  /* the page's */
	const struct ip_address *addresses;
	size_t addresses_n;
	const char *chain; /* path of a given one; NULL: our own authority's */
	struct span key;   /* PEM of a given one */
};

/* The certificate of our own authority, which people install; empty: one was given. */
struct portal_authority {
	uint8_t der[PORTAL_DER_MAX];
	size_t der_len;
	char pem[PORTAL_PEM_MAX];
};

/* What is to be shown now: our own certificate is renewed when a third of its time is left, when
 * the page has another name or address, or when its file is gone; the authority is made anew only
 * when it cannot serve them any more, which is logged, as people must install it then. Errors are
 * logged. */
MUST enum err portal_certificate(const struct portal_certificate *c, uint64_t now_s,
				 struct tls_server **ret, struct portal_authority *ret_authority);

#endif
