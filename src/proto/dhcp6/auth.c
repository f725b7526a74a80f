#include "proto/dhcp6/auth.h"

#include "base/reader.h"
#include "base/writer.h"
#include "crypto/hmac.h"
#include "crypto/secret.h"
#include "proto/dhcp6/message.h"

/* Octets in front of the authentication information, and of its type and value. */
enum { FIXED_LEN = 11, RKAP_LEN = 1 + DHCP6_RECONFIGURE_KEY_LEN };

enum err dhcp6_auth_read(struct span body, struct dhcp6_auth *ret)
{
	struct reader r = reader_of_span(body);
	struct dhcp6_auth a = {.protocol = read_u8(&r)};
	a.algorithm = read_u8(&r);
	a.rdm = read_u8(&r);
	a.replay = read_u64(&r);
	TRY(reader_check(&r));
	a.information = read_span(&r, reader_left(&r));
	*ret = a;
	return OK;
}

static bool is_rkap(const struct dhcp6_auth *a, uint8_t type)
{
	return a->protocol == DHCP6_AUTH_RKAP && a->algorithm == DHCP6_AUTH_HMAC_MD5 &&
	       a->rdm == DHCP6_AUTH_COUNTER && a->information.len == RKAP_LEN &&
	       a->information.data[0] == type;
}

enum err dhcp6_auth_key(const struct dhcp6_auth *a, uint8_t ret[DHCP6_RECONFIGURE_KEY_LEN])
{
	if (!is_rkap(a, DHCP6_RKAP_KEY))
		return ERR_ABSENT;
	struct reader r = reader_of_span(a->information);
	reader_skip(&r, 1);
	read_bytes(&r, ret, DHCP6_RECONFIGURE_KEY_LEN);
	return OK;
}

static void write_fixed(struct writer *w, uint64_t replay, uint8_t type)
{
	write_u16(w, DHCP6_OPT_AUTH);
	write_u16(w, FIXED_LEN + RKAP_LEN);
	write_u8(w, DHCP6_AUTH_RKAP);
	write_u8(w, DHCP6_AUTH_HMAC_MD5);
	write_u8(w, DHCP6_AUTH_COUNTER);
	write_u64(w, replay);
	write_u8(w, type);
}

void dhcp6_write_auth_key(struct writer *w, uint64_t replay,
			  const uint8_t key[DHCP6_RECONFIGURE_KEY_LEN])
{
	write_fixed(w, replay, DHCP6_RKAP_KEY);
	write_bytes(w, key, DHCP6_RECONFIGURE_KEY_LEN);
}

size_t dhcp6_write_auth_hmac(struct writer *w, uint64_t replay)
{
	static const uint8_t zeros[DHCP6_RECONFIGURE_KEY_LEN];
	write_fixed(w, replay, DHCP6_RKAP_HMAC);
	size_t at = w->pos;
	write_bytes(w, zeros, sizeof(zeros));
	return at;
}

void dhcp6_auth_sign(struct writer *w, size_t start, size_t digest_at,
		     const uint8_t key[DHCP6_RECONFIGURE_KEY_LEN])
{
	uint8_t digest[CRYPTO_HMAC_MD5_LEN];
	if (w->bad)
		return;
	ASSERT(start <= digest_at && digest_at + sizeof(digest) <= w->pos);
	crypto_hmac_md5(span_of(key, DHCP6_RECONFIGURE_KEY_LEN),
			span_of(w->data + start, w->pos - start), digest);
	struct writer at = writer_of(w->data + digest_at, sizeof(digest));
	write_bytes(&at, digest, sizeof(digest));
}

enum err dhcp6_auth_verify(struct span message, struct span auth,
			   const uint8_t key[DHCP6_RECONFIGURE_KEY_LEN], uint64_t replay_last,
			   uint64_t *ret_replay)
{
	struct dhcp6_auth a;
	uint8_t copy[DHCP6_RECONFIGURE_MAX], digest[CRYPTO_HMAC_MD5_LEN];
	static const uint8_t zeros[CRYPTO_HMAC_MD5_LEN];
	TRY(dhcp6_auth_read(auth, &a));
	if (!is_rkap(&a, DHCP6_RKAP_HMAC))
		return ERR_FORMAT;
	struct span said = span_sub(a.information, 1, sizeof(digest));
	ASSERT(said.data >= message.data && said.data + said.len <= message.data + message.len);
	if (message.len > sizeof(copy))
		return ERR_LIMIT;
	size_t before = (size_t)(said.data - message.data);
	/* RFC 8415 20.4.3: "with zeroes substituted for the HMAC-MD5 field". */
	struct writer w = writer_of(copy, sizeof(copy));
	write_span(&w, span_sub(message, 0, before));
	write_bytes(&w, zeros, sizeof(zeros));
	write_span(&w, span_sub(message, before + sizeof(digest), message.len));
	crypto_hmac_md5(span_of(key, DHCP6_RECONFIGURE_KEY_LEN), writer_span(&w), digest);
	if (!crypto_equal(said, span_of(digest, sizeof(digest))))
		return ERR_REFUSED;
	/* RFC 8415 20.3: "only accept the message if the received value is greater". */
	if (replay_last && a.replay <= replay_last)
		return ERR_REFUSED;
	*ret_replay = a.replay;
	return OK;
}
