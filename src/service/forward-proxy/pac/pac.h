/* The script by which browsers choose their proxy (proxy auto-configuration, as Netscape wrote it
 * in 1996; MDN has what today's browsers take), written from the configuration. Knows neither who
 * asks for it nor how it is served.
 *
 * It is ECMAScript of the third edition and calls nothing of its host: old engines have no more,
 * and isInNet and its like would ask the DNS for each name. */
#ifndef FORWARD_PROXY_PAC_PAC_H
#define FORWARD_PROXY_PAC_PAC_H

#include "base/err.h"
#include "service/forward-proxy/access/access.h"
#include "service/forward-proxy/access/destination.h"

struct writer;

enum pac_kind {
	PAC_HTTPS, /* HTTP over TLS to the proxy */
	PAC_HTTP,
	PAC_SOCKS5,
};

struct pac_proxy {
	enum pac_kind kind;
	struct destination at;
};

struct pac {
	const struct pac_proxy *proxies; /* in the order in which they are tried */
	size_t proxies_n;
	const struct access_place *direct; /* what browsers go to without a proxy */
	size_t direct_n;
	bool plain_names; /* names without a dot likewise */
	bool fallback;	  /* and anything, when no proxy answers */
};

#define PAC_MEDIA_TYPE "application/x-ns-proxy-autoconfig"

enum {
	PAC_PROXIES_MAX = 16,
	PAC_DIRECT_MAX = 1024,
	PAC_SIZE_MAX = 1024 * 1024, /* what Chromium takes at most, and enough for these */
};

/* ASCII throughout; w is bad when it does not fit, which PAC_SIZE_MAX always does. */
void pac_write(const struct pac *p, struct writer *w);

/* "https://proxy.home.arpa:3129", "http://10.0.0.1:3128", "socks5://10.0.0.1:1080"; without a port
 * 443, 80 or 1080. ERR_FORMAT, ERR_REFUSED as destination_read; ERR_UNSUPPORTED: another scheme. */
MUST enum err pac_proxy_read(struct span text, struct pac_proxy *ret);

#endif
