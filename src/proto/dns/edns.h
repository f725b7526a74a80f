/* EDNS(0), RFC 6891: the OPT record's fields and the options NSID, client subnet, cookie, TCP
 * keepalive, padding and extended error, both ways. Knows nothing of sockets, of clocks (now is an
 * argument) or of where secrets come from. */
#ifndef PROTO_DNS_EDNS_H
#define PROTO_DNS_EDNS_H

#include "base/err.h"
#include "base/reader.h"
#include "base/span.h"
#include "base/writer.h"

#define DNS_EDNS_VERSION 0
#define DNS_EDNS_UDP_MIN 512 /* RFC 6891 6.2.3: smaller values mean 512 */
#define DNS_OPT_LEN                                                                                \
	11 /* octets of an OPT record without options: root, type, class, ttl, rdlength */

/* What an OPT record said. All spans are views of the message. One walk over the options fills all.
 */
struct dns_edns {
	bool present;
	bool do_bit;		/* DNSSEC OK, RFC 3225 */
	bool nsid;		/* NSID option there (a client's is empty) */
	bool keepalive;		/* TCP KEEPALIVE option there */
	bool padding;		/* PADDING option there */
	uint8_t version;	/* above 0: options are not looked into */
	uint8_t extended_rcode; /* the upper 8 bits of the 12-bit rcode */
	uint16_t udp_size;	/* at least 512 */
	struct span cookie;	/* body of COOKIE; .len 0: none. 8, or 16..40 octets */
	struct span subnet;	/* body of CLIENT SUBNET, well-formed; .len 0: none */
	struct span options;	/* all of them, for dns_edns_option_next */
};

/* An OPT record's class, ttl and rdata into ret (present becomes true). ERR_FORMAT: torn option
 * list, a cookie of a wrong length (RFC 7873 5.2.2), a malformed client subnet (RFC 7871 7.1.2), a
 * keepalive that is not 0 or 2 octets. Of a repeated option the first counts. */
MUST enum err dns_edns_read(uint16_t class, uint32_t ttl, struct span rdata, struct dns_edns *ret);

struct dns_edns_option {
	uint16_t code;
	struct span body;
};

/* struct reader r = reader_of_span(edns.options); while (dns_edns_option_next(&r, &o)) ... */
bool dns_edns_option_next(struct reader *r, struct dns_edns_option *ret);

/* Writes one option with any body. Into a buffer that then goes to dns_build_opt. */
void dns_edns_write_option(struct writer *w, uint16_t code, struct span body);
/* Octets that an option with a body of n takes. */
#define DNS_OPTION_LEN(n) (4 + (n))

/* --- NSID, RFC 5001 --- */
/* id empty: a client asks. */
void dns_edns_write_nsid(struct writer *w, struct span id);

/* --- client subnet, RFC 7871 6 --- */
struct dns_client_subnet {
	uint16_t family;       /* 1: IPv4, 2: IPv6 */
	uint8_t source, scope; /* prefix lengths in bits */
	uint8_t address[16];   /* network order, zeros past source */
};
/* ERR_UNSUPPORTED: another family. ERR_FORMAT: too few or too many octets, bits past the prefix. */
MUST enum err dns_client_subnet_read(struct span body, struct dns_client_subnet *ret);
void dns_edns_write_client_subnet(struct writer *w, const struct dns_client_subnet *s);

/* --- cookies, RFC 7873 and RFC 9018 --- */
#define DNS_COOKIE_CLIENT_LEN  8
#define DNS_COOKIE_SERVER_MIN  8
#define DNS_COOKIE_SERVER_MAX  32
#define DNS_COOKIE_MAX	       (DNS_COOKIE_CLIENT_LEN + DNS_COOKIE_SERVER_MAX)
#define DNS_COOKIE_SECRET_LEN  16
#define DNS_COOKIE_INTEROP_LEN 16   /* a server cookie of RFC 9018: version, reserved, time, hash */
#define DNS_COOKIE_PAST_S      3600 /* RFC 9018 4.3 */
#define DNS_COOKIE_FUTURE_S    300
#define DNS_COOKIE_RENEW_S     1800

/* server empty: the client knows none yet. */
void dns_edns_write_cookie(struct writer *w, const uint8_t client[DNS_COOKIE_CLIENT_LEN],
			   struct span server);

/* RFC 9018 4: version 1, SipHash-2-4. address: the client's, 4 or 16 octets. now_s: seconds since
 * 1970, cut to 32 bits. */
void dns_cookie_make(const uint8_t secret[DNS_COOKIE_SECRET_LEN],
		     const uint8_t client[DNS_COOKIE_CLIENT_LEN], struct span address,
		     uint32_t now_s, uint8_t ret[DNS_COOKIE_INTEROP_LEN]);

enum dns_cookie_verdict {
	DNS_COOKIE_NONE,  /* no COOKIE option */
	DNS_COOKIE_FRESH, /* a client cookie alone */
	DNS_COOKIE_BAD,	  /* forged, of another server, too old, from the future: treat as FRESH */
	DNS_COOKIE_GOOD,  /* proves that the client receives at its address; echo it */
	DNS_COOKIE_RENEW, /* good, and old enough that the reply should carry a new one */
};
/* cookie: struct dns_edns.cookie. Constant time in the hash. */
enum dns_cookie_verdict dns_cookie_check(const uint8_t secret[DNS_COOKIE_SECRET_LEN],
					 struct span cookie, struct span address, uint32_t now_s);

/* --- TCP keepalive, RFC 7828 3.1 --- */
/* A server's: timeout in units of 100 ms. A client's has no body. */
void dns_edns_write_keepalive(struct writer *w, uint16_t timeout_100ms);

/* --- padding, RFC 7830 and RFC 8467 --- */
/* Zeros so that a message of message_len octets (with the OPT and all other options, without this
 * one) becomes a multiple of block (128 for queries, 468 for replies); at most max. Returns octets
 * of the body. */
size_t dns_edns_padding_len(size_t message_len, size_t block, size_t max);
void dns_edns_write_padding(struct writer *w, size_t body_len);

/* --- extended errors, RFC 8914 2 --- */
struct dns_extended_error {
	uint16_t code;	  /* enum dns_ede */
	struct span text; /* UTF-8 from a stranger: escape before showing */
};
MUST enum err dns_extended_error_read(struct span body, struct dns_extended_error *ret);
void dns_edns_write_extended_error(struct writer *w, uint16_t code, struct span text);

#endif
