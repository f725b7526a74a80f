#include "crypto/secret.h"
#include "service/vpn/tunnel/inner.h"

#include <stdlib.h>

static size_t size_of(size_t ciphers_n)
{
	size_t size = sizeof(struct vpn_keypair) + ciphers_n * sizeof(struct vpn_ciphers);
	return (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

static void keypair_free(struct vpn_keypair *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->ciphers_n; i++) {
		crypto_aead_done(&k->ciphers[i].seal);
		crypto_aead_done(&k->ciphers[i].open);
	}
	free(k);
}
DEFINE_AUTO(struct vpn_keypair, keypair_free)

enum err vpn_keypair_new(struct vpn_engine *e, struct vpn_peer *peer, const struct noise_keys *keys,
			 uint64_t now_ms, struct vpn_keypair **ret)
{
	size_t ciphers_n = e->setting.workers_n + 1;
	AUTO(keypair_free)
	struct vpn_keypair *k = aligned_alloc(CACHE_LINE, size_of(ciphers_n));
	if (!k)
		return (enum err)ENOMEM;
	memset(k, 0, size_of(ciphers_n));
	k->peer = peer;
	k->local_index = keys->local_index;
	k->remote_index = keys->remote_index;
	k->initiator = keys->initiator;
	k->made_ms = now_ms;
	k->ciphers_n = ciphers_n;
	for (size_t i = 0; i < ciphers_n; i++) {
		TRY(crypto_aead_init(&k->ciphers[i].seal, CRYPTO_AEAD_SEAL, keys->send));
		TRY(crypto_aead_init(&k->ciphers[i].open, CRYPTO_AEAD_OPEN, keys->receive));
	}
	*ret = TAKE(k);
	return OK;
}

uint32_t vpn_engine_new_index(struct vpn_engine *e)
{
	uint32_t index;
	do
		e->effects.random(e->effects.arg, &index, sizeof(index));
	while (vpn_indices_find(&e->keypairs, index) || vpn_indices_find(&e->handshakes, index));
	return index;
}

/* From here on datagrams for it are strangers'. */
static void retire(struct vpn_engine *e, struct vpn_keypair **at)
{
	if (!*at)
		return;
	vpn_indices_remove(&e->keypairs, (*at)->local_index);
	keypair_free(TAKE(*at));
}

void vpn_peer_install(struct vpn_engine *e, struct vpn_peer *peer, struct vpn_keypair *k)
{
	struct vpn_peer_inner *in = peer->inner;
	vpn_engine_begin(e);
	(void)vpn_peer_rotate(e, peer);
	vpn_indices_add(&e->keypairs, k->local_index, k);
	if (k->initiator) {
		/* Whatever the other side may still send with is opened: the current one, and one
		 * more: a next one that it has not used yet, or the previous one, or an older. */
		if (in->next) {
			retire(e, &in->previous);
			retire(e, &in->older);
			in->older = TAKE(in->next);
			atomic_store(&in->older->confirmed, true);
		} else if (in->previous) {
			retire(e, &in->older);
			in->older = TAKE(in->previous);
		}
		in->previous = TAKE(in->current);
		in->current = k;
		atomic_store(&k->confirmed, true);
		atomic_store_explicit(&in->sending, k, memory_order_release);
	} else {
		/* The paper 6.3: not to be sent with before the other side did, which only then is
		 * known to have the response. The previous one stays till then: the other side may
		 * still send with it when both sides began a handshake at once. */
		retire(e, &in->next);
		in->next = k;
	}
	vpn_engine_end(e);
	in->keys_ms = k->made_ms;
}

bool vpn_peer_rotate(struct vpn_engine *e, struct vpn_peer *peer)
{
	struct vpn_peer_inner *in = peer->inner;
	if (!in->next || !atomic_load(&in->next->confirmed))
		return false;
	vpn_engine_begin(e);
	if (in->previous) {
		retire(e, &in->older);
		in->older = TAKE(in->previous);
	}
	in->previous = TAKE(in->current);
	in->current = TAKE(in->next);
	atomic_store_explicit(&in->sending, in->current, memory_order_release);
	vpn_engine_end(e);
	return true;
}

void vpn_peer_drop_keypairs(struct vpn_engine *e, struct vpn_peer *peer)
{
	struct vpn_peer_inner *in = peer->inner;
	vpn_engine_begin(e);
	atomic_store(&in->sending, NULL);
	retire(e, &in->older);
	retire(e, &in->previous);
	retire(e, &in->current);
	retire(e, &in->next);
	vpn_engine_end(e);
	in->keys_ms = 0;
}
