/* A line of the access log: what became of a request, as JSON or in the combined form of web
 * servers. Knows no file and no clock.
 */
#ifndef ACCESS_LOG_ACCESS_LINE_H
#define ACCESS_LOG_ACCESS_LINE_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/address.h"

struct writer;

enum access_form { ACCESS_JSON, ACCESS_COMBINED };

/* How much of a client's address is written. */
enum access_clients {
	ACCESS_CLIENTS_FULL,
	ACCESS_CLIENTS_NETWORK, /* the last octet of IPv4, all but the /48 of IPv6 are zeros */
	ACCESS_CLIENTS_NONE,
};

/* The longest line: each value of a stranger at its longest, and all of it escaped. */
enum { ACCESS_LINE_MAX = 24 * 1024, ACCESS_VALUE_MAX = 512 };

/* In place of a version of HTTP: what is passed on without a look at it. */
enum { ACCESS_VERSION_TCP = 2, ACCESS_VERSION_UDP = 3 };

/* Empty spans and NULL: not known. Texts of strangers are cut at ACCESS_VALUE_MAX octets. */
struct access_line {
	uint64_t time_ms; /* of the request's begin, since 1970 */
	struct ip_address client;
	struct span id; /* hexadecimal */
	struct span trace, method, host, path, scheme, user, referer, agent, tls;
	struct span cache;	  /* "hit", "miss" */
	struct span pool, server; /* who answered */
	/* Of TLS, in JSON only, none above 255 octets; the latter two of the client's certificate.
	 */
	struct span cipher, server_name, alpn, client_subject, client_fingerprint;
	bool resumed;
	bool inspected; /* in JSON only: it was within TLS, which the proxy decrypted */
	/* In JSON only: whom the client asks for by TLS inside its tunnel; what refused it. */
	struct span tunnel_name, detail;
	/* Of what is passed on as it comes, in JSON only: the address of ours that it came to; whom
	 * the client asks for by TLS; how it ended where nothing went wrong (NULL: not of such). */
	struct span listen, passed_name;
	const char *ended;
	struct span upstream;	  /* in JSON only: the proxy of others that led there */
	uint16_t upstream_status; /* and what it answered where it did not; 0: nothing */
	const char *cause;	  /* NULL: it ended well */
	uint32_t route;		  /* line of the file, 0: none */
	uint16_t status;	  /* 0: nothing was answered */
	uint8_t version; /* 10, 11, 20; 4, 5: SOCKS; 1: TLS, passed on as it came; ACCESS_VERSION_…
			  */
	uint8_t tries;	 /* servers asked */
	uint64_t request_bytes, response_bytes;
	uint64_t duration_us, first_byte_us, connect_us; /* the latter two 0: there was none */
};

/* What is written of a client; of no family: nothing. */
struct ip_address access_client_shown(const struct ip_address *client, enum access_clients clients);
/* Whole and with its line end, or w is bad. */
void access_line_write(const struct access_line *l, enum access_form form,
		       enum access_clients clients, struct writer *w);

#endif
