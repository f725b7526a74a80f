/* The header that a proxy puts before a connection's first byte or into a datagram, to say who the
 * client is: PROXY protocol 1 and 2 (haproxy.org, doc/proxy-protocol.txt of 2020). Knows no socket,
 * and not which peers may be believed.
 */
#ifndef PROTO_PROXY_HEADER_HEADER_H
#define PROTO_PROXY_HEADER_HEADER_H

#include "base/parse.h"
#include "base/writer.h"
#include "proto/ip/address.h"

enum {
	PROXY_HEADER_TEXT_MAX = 107, /* of version 1, with CR LF (2.1) */
	PROXY_HEADER_MAX = 4096,     /* of version 2 that we take; a longer one is PARSE_BAD */
	PROXY_HEADER_WRITE_MAX = 2560,
	PROXY_HEADER_UNIX_LEN = 108,
	PROXY_HEADER_UNIQUE_MAX = 128, /* bytes of a connection's name (2.2.5) */
	PROXY_HEADER_NAME_MAX = 255,   /* bytes of authority, and of each text that we write */
	PROXY_HEADER_TLVS_MAX = 64,    /* that we look at; more are PARSE_BAD */
};

enum proxy_header_transport {
	PROXY_HEADER_UNSPEC, /* UNKNOWN in version 1: the sender does not say */
	PROXY_HEADER_STREAM,
	PROXY_HEADER_DATAGRAM,
};

/* What the sender says of the client's TLS (2.2.6). */
struct proxy_header_tls {
	bool present; /* the TLV is there; `used` false then: the client did without TLS */
	bool used;
	bool certificate_now;	  /* a client certificate came over this connection */
	bool certificate_earlier; /* or in the session that this one resumes */
	bool verified;		  /* it was presented, and checked good */
	struct span version, name, cipher, signature, key;
};

/* All spans are borrowed from what was read, or from who writes. */
struct proxy_header {
	uint8_t version; /* 1 or 2 */
	bool local;	 /* the sender speaks for itself (health checks): no addresses (2.2) */
	enum proxy_header_transport transport;
	struct ip_endpoint source, destination;	   /* family 0: local, UNSPEC or a unix socket */
	struct span unix_source, unix_destination; /* paths without padding; empty: not unix */
	bool is_unix;
	bool crc32c; /* read: there was one and it is right; write: make one */
	struct span alpn, authority, unique_id, netns; /* empty: absent */
	struct proxy_header_tls tls;
	size_t len; /* read: bytes of the header; what follows is the client's */
};

/* Reads the header at the beginning of in, where one must be. PARSE_MORE: right so far; never said
 * for more than PROXY_HEADER_MAX bytes. PARSE_BAD: no header, torn, a wrong checksum, or over a
 * bound. Of several equal TLVs the last counts; unknown ones are skipped (2.2). */
MUST enum parse proxy_header_read(struct span in, struct proxy_header *ret);

/* Writes at most PROXY_HEADER_WRITE_MAX bytes. Version 1 knows streams of one IP family; all else,
 * and local, is UNKNOWN there. In version 2 local or UNSPEC leaves addresses out, and texts are cut
 * at their bounds never: w is bad when one is too long. */
void proxy_header_write(struct writer *w, const struct proxy_header *h);

#endif
