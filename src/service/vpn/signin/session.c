#include "service/vpn/signin/session.h"

#include "base/reader.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

#include <assert.h>
#include <string.h>

enum { FORMAT = 1, IS_UNPROVED = 1 };

static_assert((int)SESSION_COOKIE_HASH_LEN == CRYPTO_SHA256_LEN, "the hash of a cookie");

bool session_is_over(const struct session *s, uint64_t now_ms)
{
	if (now_ms >= s->expires_ms)
		return true;
	return s->idle_ms && now_ms > s->active_ms && now_ms - s->active_ms >= s->idle_ms;
}

enum session_move session_move(const struct session *s, const struct ip_endpoint *to)
{
	bool same_address = ip_address_equal(&s->endpoint.address, &to->address);
	if (same_address && s->endpoint.port == to->port)
		return s->unproved ? SESSION_MOVE_PROOF : SESSION_MOVE_STAYS;
	switch (s->roaming) {
	case SESSION_SAME_ADDRESS: return same_address ? SESSION_MOVE_STAYS : SESSION_MOVE_ENDS;
	case SESSION_BROWSER_PROOF: return SESSION_MOVE_PROOF;
	case SESSION_STRICT: break;
	}
	return SESSION_MOVE_ENDS;
}

/* --- the cookie --- */

void session_cookie_hash(struct span cookie, uint8_t ret[SESSION_COOKIE_HASH_LEN])
{
	crypto_sha256(cookie, ret);
}

bool session_cookie_fits(const struct session *s, struct span cookie)
{
	uint8_t hash[SESSION_COOKIE_HASH_LEN];
	session_cookie_hash(cookie, hash);
	bool same = crypto_equal(span_of(hash, sizeof(hash)), span_of(s->cookie, sizeof(hash)));
	return same && cookie.len == SESSION_COOKIE_LEN;
}

/* --- the row --- */

void session_row_write(const struct session *s, struct writer *w)
{
	write_u8(w, FORMAT);
	write_u8(w, s->unproved ? IS_UNPROVED : 0);
	write_u8(w, (uint8_t)strlen(s->user));
	write_text(w, s->user);
	write_bytes(w, s->cookie, sizeof(s->cookie));
	write_u8(w, s->endpoint.address.family);
	write_bytes(w, s->endpoint.address.bytes, sizeof(s->endpoint.address.bytes));
	write_u16(w, s->endpoint.port);
	write_u32(w, s->endpoint.scope);
	write_u8(w, (uint8_t)s->roaming);
	write_u64(w, s->started_ms);
	write_u64(w, s->expires_ms);
	write_u64(w, s->active_ms);
	write_u64(w, s->idle_ms);
}

static enum err user_read(struct reader *r, struct session *s)
{
	struct span name = read_span(r, read_u8(r));
	TRY(user_name_read(name, s->user));
	return span_is(name, s->user) ? OK : ERR_FORMAT;
}

static enum err endpoint_read(struct reader *r, struct ip_endpoint *ret)
{
	uint8_t family = read_u8(r);
	if (family != 0 && family != 4 && family != 6)
		return ERR_FORMAT;
	ret->address.family = family;
	read_bytes(r, ret->address.bytes, sizeof(ret->address.bytes));
	ret->port = read_u16(r);
	ret->scope = read_u32(r);
	return OK;
}

static enum err body_read(struct reader *r, struct session *s)
{
	uint8_t flags = read_u8(r);
	if (flags & ~IS_UNPROVED)
		return ERR_FORMAT;
	s->unproved = flags & IS_UNPROVED;
	TRY(user_read(r, s));
	read_bytes(r, s->cookie, sizeof(s->cookie));
	TRY(endpoint_read(r, &s->endpoint));
	uint8_t roaming = read_u8(r);
	if (roaming > SESSION_BROWSER_PROOF)
		return ERR_FORMAT;
	s->roaming = roaming;
	s->started_ms = read_u64(r);
	s->expires_ms = read_u64(r);
	s->active_ms = read_u64(r);
	s->idle_ms = read_u64(r);
	return reader_end(r);
}

enum err session_row_read(struct span peer, struct span row, struct session *ret)
{
	struct session s = {0};
	struct reader r = reader_of_span(row), key = reader_of_span(peer);
	read_bytes(&key, s.peer, sizeof(s.peer));
	TRY(reader_end(&key));
	uint8_t format = read_u8(&r);
	if (format > FORMAT)
		return ERR_UNSUPPORTED;
	if (format != FORMAT)
		return ERR_FORMAT;
	TRY(body_read(&r, &s));
	*ret = s;
	return OK;
}
