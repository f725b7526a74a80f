#include "proto/wireguard/cookie.h"

#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/secret.h"

static_assert((int)WG_MAC_LEN == CRYPTO_BLAKE2S_MAC_LEN &&
		      (int)WG_COOKIE_LEN == CRYPTO_BLAKE2S_MAC_LEN &&
		      (int)WG_TAG_LEN == CRYPTO_AEAD_TAG_LEN &&
		      (int)WG_COOKIE_NONCE_LEN == CRYPTO_XAEAD_NONCE_LEN,
	      "the cipher's lengths are the message's");

/* What of a message each mac covers: all before it. */
static struct span before_mac1(struct span message)
{
	ASSERT(message.len == WG_INITIATION_LEN || message.len == WG_RESPONSE_LEN);
	return span_sub(message, 0, message.len - sizeof(struct wg_macs));
}

static struct span before_mac2(struct span message)
{
	ASSERT(message.len == WG_INITIATION_LEN || message.len == WG_RESPONSE_LEN);
	return span_sub(message, 0, message.len - WG_MAC_LEN);
}

static struct span mac1_of(struct span message)
{
	return span_sub(message, before_mac1(message).len, WG_MAC_LEN);
}

static struct span mac2_of(struct span message)
{
	return span_sub(message, before_mac2(message).len, WG_MAC_LEN);
}

/* Paper 5.4.4 and 5.4.7: Hash(Label-Mac1 || Spub), Hash(Label-Cookie || Spub) */
void wg_mac_keys_init(struct wg_mac_keys *k, const uint8_t public[WG_KEY_LEN])
{
	crypto_blake2s(span_text("mac1----"), span_of(public, WG_KEY_LEN), k->mac1);
	crypto_blake2s(span_text("cookie--"), span_of(public, WG_KEY_LEN), k->cookie);
}

void wg_cookie_sign(struct wg_cookie *c, const struct wg_mac_keys *remote, uint64_t now_ms,
		    uint8_t *message, size_t len)
{
	struct span all = span_of(message, len);
	struct span first = before_mac1(all), second = before_mac2(all);
	crypto_blake2s_mac(span_of(remote->mac1, WG_KEY_LEN), first, message + first.len);
	memcpy(c->last_mac1, message + first.len, WG_MAC_LEN);
	c->sent = true;
	if (c->held && now_ms < c->until_ms)
		crypto_blake2s_mac(span_of(c->cookie, WG_COOKIE_LEN), second, message + second.len);
	else
		memset(message + second.len, 0, WG_MAC_LEN);
}

enum err wg_cookie_reply_read(struct wg_cookie *c, const struct wg_mac_keys *remote,
			      uint64_t now_ms, const struct wg_cookie_reply *m)
{
	uint8_t cookie[WG_COOKIE_LEN];
	if (!c->sent ||
	    !crypto_xaead_open(remote->cookie, m->nonce, span_of(c->last_mac1, WG_MAC_LEN),
			       span_of(m->sealed_cookie, sizeof(m->sealed_cookie)), cookie))
		return ERR_REFUSED;
	memcpy(c->cookie, cookie, sizeof(cookie));
	c->until_ms = now_ms + WG_COOKIE_USE_MS;
	c->held = true;
	c->sent = false;
	crypto_wipe(cookie, sizeof(cookie));
	return OK;
}

void wg_cookie_done(struct wg_cookie *c)
{
	if (c)
		crypto_wipe(c, sizeof(*c));
}

bool wg_mac1_ok(const struct wg_mac_keys *own, struct span message)
{
	uint8_t mac[WG_MAC_LEN];
	crypto_blake2s_mac(span_of(own->mac1, WG_KEY_LEN), before_mac1(message), mac);
	return crypto_equal(span_of(mac, sizeof(mac)), mac1_of(message));
}

void wg_cookie_secret_set(struct wg_cookie_secret *s, const uint8_t entropy[WG_COOKIE_SECRET_LEN],
			  uint64_t now_ms)
{
	memcpy(s->bytes, entropy, WG_COOKIE_SECRET_LEN);
	s->until_ms = now_ms + WG_COOKIE_SECRET_MS;
}

void wg_cookie_secret_done(struct wg_cookie_secret *s)
{
	if (s)
		crypto_wipe(s, sizeof(*s));
}

/* Paper 5.4.7: Mac(Rm, Am') */
static void cookie_of(const struct wg_cookie_secret *s, struct span source,
		      uint8_t ret[WG_COOKIE_LEN])
{
	crypto_blake2s_mac(span_of(s->bytes, sizeof(s->bytes)), source, ret);
}

bool wg_mac2_ok(const struct wg_cookie_secret *s, struct span source, struct span message)
{
	uint8_t cookie[WG_COOKIE_LEN], mac[WG_MAC_LEN];
	cookie_of(s, source, cookie);
	crypto_blake2s_mac(span_of(cookie, sizeof(cookie)), before_mac2(message), mac);
	bool ok = crypto_equal(span_of(mac, sizeof(mac)), mac2_of(message));
	crypto_wipe(cookie, sizeof(cookie));
	crypto_wipe(mac, sizeof(mac));
	return ok;
}

void wg_cookie_reply_write(const struct wg_mac_keys *own, const struct wg_cookie_secret *s,
			   struct span source, struct span message,
			   const uint8_t nonce[WG_COOKIE_NONCE_LEN], struct wg_cookie_reply *ret)
{
	uint8_t cookie[WG_COOKIE_LEN];
	/* The sender's index follows the type in both messages. */
	struct span sender = span_sub(message, sizeof(ret->type), sizeof(ret->receiver));
	wg_put_kind(ret->type, WG_COOKIE_REPLY);
	memcpy(ret->receiver, sender.data, sizeof(ret->receiver));
	memcpy(ret->nonce, nonce, sizeof(ret->nonce));
	cookie_of(s, source, cookie);
	crypto_xaead_seal(own->cookie, ret->nonce, mac1_of(message),
			  span_of(cookie, sizeof(cookie)), ret->sealed_cookie);
	crypto_wipe(cookie, sizeof(cookie));
}
