#include "proto/dhcp/auth.h"

#include "base/reader.h"
#include "crypto/hmac.h"
#include "crypto/secret.h"
#include "proto/dhcp/build.h"
#include "proto/dhcp/message.h"

#include <assert.h>

static_assert((int)DHCP_NONCE_LEN == (int)CRYPTO_HMAC_MD5_LEN,
	      "RFC 6704 3.1.2: a key and a digest alike");

enum { HOPS_AT = 3, GIADDR_AT = 24, GIADDR_LEN = 4 };

enum err dhcp_auth_read(struct span option, struct dhcp_auth *ret)
{
	struct reader r = reader_of_span(option);
	struct dhcp_auth a = {0};
	a.protocol = read_u8(&r);
	a.algorithm = read_u8(&r);
	a.rdm = read_u8(&r);
	a.replay = read_u64(&r);
	a.info = read_span(&r, reader_left(&r));
	TRY(reader_check(&r));
	*ret = a;
	return OK;
}

bool dhcp_auth_capable(const struct dhcp_message *m)
{
	struct span algorithms = dhcp_message_option(m, DHCP_OPT_FORCERENEW_NONCE_CAPABLE);
	return span_find(algorithms, DHCP_AUTH_ALGORITHM_HMAC_MD5) != algorithms.len;
}

static void add(struct dhcp_build *b, uint64_t replay, uint8_t type,
		const uint8_t value[DHCP_NONCE_LEN])
{
	uint8_t wire[DHCP_AUTH_VALUE_LEN];
	struct writer w = writer_of(wire, sizeof(wire));
	write_u8(&w, DHCP_AUTH_PROTOCOL_RECONFIGURE);
	write_u8(&w, DHCP_AUTH_ALGORITHM_HMAC_MD5);
	write_u8(&w, DHCP_AUTH_RDM_MONOTONIC);
	write_u64(&w, replay);
	write_u8(&w, type);
	write_bytes(&w, value, DHCP_NONCE_LEN);
	dhcp_build_option(b, DHCP_OPT_AUTHENTICATION, writer_span(&w));
}

void dhcp_auth_add_nonce(struct dhcp_build *b, uint64_t replay, const uint8_t nonce[DHCP_NONCE_LEN])
{
	add(b, replay, DHCP_AUTH_TYPE_NONCE, nonce);
}

void dhcp_auth_add_digest(struct dhcp_build *b, uint64_t replay)
{
	static const uint8_t zeros[DHCP_NONCE_LEN];
	add(b, replay, DHCP_AUTH_TYPE_DIGEST, zeros);
}

/* Option 90 of m when it is of our protocol and that type. value: the nonce or the digest. */
static enum err find(const struct dhcp_message *m, uint8_t type, uint64_t *ret_replay,
		     struct span *ret_value)
{
	if (!dhcp_message_has(m, DHCP_OPT_AUTHENTICATION))
		return ERR_ABSENT;
	struct dhcp_auth a;
	TRY(dhcp_auth_read(dhcp_message_option(m, DHCP_OPT_AUTHENTICATION), &a));
	if (a.protocol != DHCP_AUTH_PROTOCOL_RECONFIGURE ||
	    a.algorithm != DHCP_AUTH_ALGORITHM_HMAC_MD5 || a.rdm != DHCP_AUTH_RDM_MONOTONIC)
		return ERR_UNSUPPORTED;
	struct reader r = reader_of_span(a.info);
	uint8_t said = read_u8(&r);
	struct span value = read_span(&r, DHCP_NONCE_LEN);
	TRY(reader_end(&r));
	if (said != type)
		return ERR_UNSUPPORTED;
	*ret_replay = a.replay;
	*ret_value = value;
	return OK;
}

enum err dhcp_auth_nonce(const struct dhcp_message *m, uint64_t *ret_replay,
			 uint8_t ret[DHCP_NONCE_LEN])
{
	struct span value;
	TRY(find(m, DHCP_AUTH_TYPE_NONCE, ret_replay, &value));
	struct reader r = reader_of_span(value);
	read_bytes(&r, ret, DHCP_NONCE_LEN);
	return OK;
}

/* Where the digest lies in the message of m. ERR_FORMAT when option 90 came in parts. */
static enum err digest_at(const struct dhcp_message *m, size_t *ret)
{
	struct span whole = dhcp_message_option(m, DHCP_OPT_AUTHENTICATION);
	if (m->options[m->slot[DHCP_OPT_AUTHENTICATION]].joined)
		return ERR_FORMAT;
	*ret = (size_t)(whole.data - m->wire.data) + whole.len - DHCP_NONCE_LEN;
	return OK;
}

/* RFC 6704 3.1.3: HMAC-MD5 over the whole message, the digest itself as zeros. */
static void digest_of(const struct dhcp_message *m, size_t at, const uint8_t nonce[DHCP_NONCE_LEN],
		      uint8_t ret[CRYPTO_HMAC_MD5_LEN])
{
	uint8_t copy[DHCP_MESSAGE_MAX];
	struct reader r = reader_of_span(m->wire);
	read_bytes(&r, copy, m->wire.len);
	/* RFC 3118 5.2, which RFC 6704 3.1.2 takes up: relays may change these. */
	copy[HOPS_AT] = 0;
	memset(copy + GIADDR_AT, 0, GIADDR_LEN);
	memset(copy + at, 0, DHCP_NONCE_LEN);
	crypto_hmac_md5(span_of(nonce, DHCP_NONCE_LEN), span_of(copy, m->wire.len), ret);
}

enum err dhcp_auth_sign(uint8_t *message, size_t len, const uint8_t nonce[DHCP_NONCE_LEN])
{
	struct dhcp_message m;
	uint64_t replay;
	struct span value;
	size_t at;
	TRY(dhcp_message_read(span_of(message, len), &m));
	if (find(&m, DHCP_AUTH_TYPE_DIGEST, &replay, &value))
		return ERR_FORMAT;
	TRY(digest_at(&m, &at));
	uint8_t digest[CRYPTO_HMAC_MD5_LEN];
	digest_of(&m, at, nonce, digest);
	memcpy(message + at, digest, sizeof(digest));
	return OK;
}

enum err dhcp_auth_verify(const struct dhcp_message *m, const uint8_t nonce[DHCP_NONCE_LEN],
			  uint64_t *ret_replay)
{
	uint64_t replay;
	struct span value;
	size_t at;
	TRY(find(m, DHCP_AUTH_TYPE_DIGEST, &replay, &value));
	TRY(digest_at(m, &at));
	uint8_t digest[CRYPTO_HMAC_MD5_LEN];
	digest_of(m, at, nonce, digest);
	if (!crypto_equal(value, span_of(digest, sizeof(digest))))
		return ERR_REFUSED;
	*ret_replay = replay;
	return OK;
}
