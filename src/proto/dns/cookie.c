#include "base/siphash.h"
#include "proto/dns/code.h"
#include "proto/dns/edns.h"

/* RFC 9018 4: client cookie (8) | version (1), reserved (3), timestamp (4), hash (8). */
#define HASHED_LEN 8 /* of the server cookie: all before the hash */
#define VERSION	   1

void dns_edns_write_cookie(struct writer *w, const uint8_t client[DNS_COOKIE_CLIENT_LEN],
			   struct span server)
{
	ASSERT(server.len <= DNS_COOKIE_SERVER_MAX);
	uint8_t body[DNS_COOKIE_MAX];
	struct writer cookie = writer_of(body, sizeof(body));
	write_bytes(&cookie, client, DNS_COOKIE_CLIENT_LEN);
	write_span(&cookie, server);
	dns_edns_write_option(w, DNS_OPTION_COOKIE, writer_span(&cookie));
}

/* RFC 9018 4.4: client cookie | version | reserved | timestamp | client address. */
static uint64_t hash(const uint8_t secret[DNS_COOKIE_SECRET_LEN], struct span client_and_fields,
		     struct span address)
{
	uint8_t input[DNS_COOKIE_CLIENT_LEN + HASHED_LEN + 16];
	struct writer w = writer_of(input, sizeof(input));
	ASSERT(address.len == 4 || address.len == 16);
	write_span(&w, client_and_fields);
	write_span(&w, address);
	return siphash24(secret, input, w.pos);
}

void dns_cookie_make(const uint8_t secret[DNS_COOKIE_SECRET_LEN],
		     const uint8_t client[DNS_COOKIE_CLIENT_LEN], struct span address,
		     uint32_t now_s, uint8_t ret[DNS_COOKIE_INTEROP_LEN])
{
	uint8_t cookie[DNS_COOKIE_CLIENT_LEN + HASHED_LEN];
	struct writer w = writer_of(cookie, sizeof(cookie));
	write_bytes(&w, client, DNS_COOKIE_CLIENT_LEN);
	write_u32(&w, (uint32_t)VERSION << 24); /* reserved: zeros */
	write_u32(&w, now_s);
	uint64_t mac = hash(secret, writer_span(&w), address);
	struct writer out = writer_of(ret, DNS_COOKIE_INTEROP_LEN);
	write_bytes(&out, cookie + DNS_COOKIE_CLIENT_LEN, HASHED_LEN);
	for (unsigned i = 0; i < 8; i++)
		write_u8(&out, (uint8_t)(mac >> 8 * i)); /* SipHash's octets are little-endian */
}

enum dns_cookie_verdict dns_cookie_check(const uint8_t secret[DNS_COOKIE_SECRET_LEN],
					 struct span cookie, struct span address, uint32_t now_s)
{
	if (cookie.len == 0)
		return DNS_COOKIE_NONE;
	if (cookie.len == DNS_COOKIE_CLIENT_LEN)
		return DNS_COOKIE_FRESH;
	if (cookie.len != DNS_COOKIE_CLIENT_LEN + DNS_COOKIE_INTEROP_LEN)
		return DNS_COOKIE_BAD;
	struct reader r = reader_of_span(cookie);
	struct span hashed = span_of(cookie.data, DNS_COOKIE_CLIENT_LEN + HASHED_LEN);
	reader_skip(&r, DNS_COOKIE_CLIENT_LEN);
	uint8_t version = read_u8(&r);
	reader_skip(&r, 3);
	/* RFC 9018 4.3: serial arithmetic, RFC 1982. Above 0: the cookie is so old. */
	int64_t age_s = (int32_t)(now_s - read_u32(&r));
	uint64_t mac = 0;
	for (unsigned i = 0; i < 8; i++)
		mac |= (uint64_t)read_u8(&r) << 8 * i;
	/* One comparison of two words takes the same time wherever they differ. */
	bool forged = (mac ^ hash(secret, hashed, address)) != 0;
	if (forged || version != VERSION || age_s > DNS_COOKIE_PAST_S ||
	    -age_s > DNS_COOKIE_FUTURE_S)
		return DNS_COOKIE_BAD;
	return age_s > DNS_COOKIE_RENEW_S ? DNS_COOKIE_RENEW : DNS_COOKIE_GOOD;
}
