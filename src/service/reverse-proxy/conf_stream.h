/* Connections that are passed on without a look at what they carry, as the configuration has them:
 * where they come in, and to which pool they go. Knows no socket.
 */
#ifndef REVERSE_PROXY_CONF_STREAM_H
#define REVERSE_PROXY_CONF_STREAM_H

#include "config/schema.h"
#include "proto/ip/address.h"

struct reverse_conf;

enum {
	REVERSE_STREAMS_MAX = 64,
	REVERSE_STREAM_ADDRESSES_MAX = 64,
	REVERSE_STREAM_NAMES_MAX = 1024
};

struct reverse_stream_name {
	const char *name; /* of a TLS server: exact, "*.home.arpa" */
	const char *to;
};

/* Datagrams: a session is what one client's port sends to one address of ours. */
struct reverse_stream_udp {
	const char *to; /* a pool; NULL: no datagrams */
	uint64_t idle_ms;
	uint32_t answers; /* to each datagram; 0: not known */
};

struct reverse_stream_conf {
	struct config_list listen; /* struct ip_endpoint */
	const char *tcp;	   /* a pool; NULL: only names */
	struct config_list sni;	   /* struct reverse_stream_name */
	struct reverse_stream_udp udp;
	enum { REVERSE_STREAM_HEADER_OFF, REVERSE_STREAM_HEADER_1, REVERSE_STREAM_HEADER_2 } header;
};

extern const struct config_map reverse_stream_map;

enum reverse_stream_kind { REVERSE_STREAM_TCP, REVERSE_STREAM_UDP };

/* The addresses of all of that kind, in the order of the file: how many; the first max are filled
 * in. */
size_t reverse_stream_doors(const struct reverse_conf *conf, enum reverse_stream_kind kind,
			    struct ip_endpoint *ret, size_t max);
/* The one that is served there, or NULL. */
const struct reverse_stream_conf *reverse_stream_at(const struct reverse_conf *conf,
						    enum reverse_stream_kind kind,
						    const struct ip_endpoint *at);
/* The pool of who asks for that name ("": none, lower case): the name itself, else the longest
 * `*.` above it, else `tcp`. NULL: none. */
const char *reverse_stream_pool(const struct reverse_stream_conf *s, const char *name);

/* That pools are there and no address is served twice. */
void reverse_stream_check(const struct reverse_conf *conf, struct config_at *at);

#endif
