/* A next hop as one worker sees it: how it is reached, what it may cost, and the connections to it
 * that are open. Knows neither why it was chosen nor what pool it belongs to.
 *
 * The service keeps one for each worker and back end (zeroed, then filled), so that the choice
 * (proxy_face.pick) leads to the idle connections without a search. The forward proxy makes them
 * for each origin or upstream proxy.
 */
#ifndef PROXY_HOP_H
#define PROXY_HOP_H

#include "base/err.h"
#include "proto/ip/address.h"
#include "proto/socks/address.h"

struct proxy_worker;
struct proxy_back1;
struct proxy_back2;
struct tls_peer;

enum proxy_protocol {
	PROXY_HTTP1,
	PROXY_HTTP2,	 /* by prior knowledge, or the only one offered by ALPN */
	PROXY_HTTP_ALPN, /* over TLS: h2 when the back end agrees, else HTTP/1.1 */
	PROXY_RAW,	 /* bytes: the far side of CONNECT */
};

/* Times are of one thing each; 0: no limit. */
struct proxy_hop_limits {
	uint32_t connect_ms;   /* connect and TLS handshake */
	uint32_t lead_ms;      /* from then until it has led on; 0: within connect_ms too */
	uint32_t idle_ms;      /* a kept connection */
	uint32_t idle_max;     /* kept connections of this worker */
	uint32_t requests_max; /* requests on one connection, then it is closed */
	uint32_t streams_max;  /* HTTP/2: at once on a connection, besides what it allows */
};

/* So many bodies one after another that were spliced make us expect another one. */
enum { PROXY_SPLICED_MAX = 3 };

/* The hop is a SOCKS 5 server, which is asked for this. */
struct proxy_hop_socks {
	struct socks_address target;
	struct span user, password; /* empty: neither is offered */
};

/* The hop is an HTTP proxy, which is asked for this by CONNECT (RFC 9110 9.3.6). */
struct proxy_hop_connect {
	struct span authority;
};

struct proxy_hop {
	/* Set by the service before the first use; the rest is the core's. */
	struct ip_endpoint to;
	/* More addresses of the same, in their order: a new connection is to whichever takes it
	 * first (io_race.h). Borrowed; 0: none. */
	const struct ip_endpoint *others;
	size_t others_n;
	const struct ip_address *from; /* borrowed; NULL: any */
	enum proxy_protocol protocol;
	/* Of whoever gets the requests: with socks or connect the target, to which it is spoken by
	 * way of that proxy, and that with PROXY_HTTP_ALPN alone. Borrowed; NULL: plain. */
	struct tls_peer *tls;
	/* With PROXY_HTTP_ALPN: the same server, offered HTTP/1.1 alone. It is for what changes the
	 * protocol, and for servers that have no HTTP/2. Borrowed; NULL: as tls. */
	struct tls_peer *tls1;
	uint8_t proxy_header; /* 0, 1 or 2: its connections are used for one client only */
	bool via_proxy; /* an upstream proxy: targets in absolute form; tunnels go elsewhere */
	struct proxy_hop_limits limits;
	/* Borrowed until face.pick has returned and a connection was begun; NULL: none. Not with
	 * PROXY_HTTP2. */
	const struct proxy_hop_socks *socks;
	const struct proxy_hop_connect *connect; /* likewise */
	struct tls_peer *lead_tls;		 /* with either: of TLS to that proxy; as tls */
	/* With connect and via_proxy: the value of Proxy-Authorization, which goes to that proxy
	 * and is in no head that anybody else sees. Borrowed as long as the exchange lives. */
	struct span authorization;
	void *owner; /* the service's: its back end */

	struct proxy_back1 *idle; /* last used first */
	struct proxy_back1 *idle_last;
	struct proxy_back2 *shared; /* HTTP/2 connections, also those with requests on them */
	uint32_t idle_n, open_n;    /* kept; all, used ones too */
	uint32_t streams_theirs;    /* HTTP/2: what the back end allowed last; 0: not known */
	uint8_t spliced_n; /* HTTP/1: its last answers that were; up to PROXY_SPLICED_MAX */
	bool closing;	   /* nothing is kept any more */
	bool binds;	   /* HTTP/1: some of its connections are one client's alone */
	bool only_http1;   /* with PROXY_HTTP_ALPN: that is what it agreed to */
	const char *fault; /* why TLS failed last, a fixed text; NULL: it did not */
};

/* Its connections are a proxy's that is asked to go on. */
static inline bool proxy_hop_is_led(const struct proxy_hop *hop)
{
	return hop->socks || hop->connect;
}

/* Closes the idle connections; those in use end with their requests. The storage may go when open_n
 * is 0: proxy_face.hop_empty tells. */
void proxy_hop_close(struct proxy_worker *w, struct proxy_hop *hop);

#endif
