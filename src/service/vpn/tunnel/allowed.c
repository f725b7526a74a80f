#include "service/vpn/tunnel/allowed.h"

#include <stdlib.h>

void vpn_allowed_init(struct vpn_allowed_table *t, size_t prefixes_max)
{
	prefix_trie_init(&t->v4, 4, prefixes_max);
	prefix_trie_init(&t->v6, 16, prefixes_max);
}

void vpn_allowed_done(struct vpn_allowed_table *t)
{
	prefix_trie_done(&t->v4);
	prefix_trie_done(&t->v6);
}

static struct prefix_trie *trie_of(struct vpn_allowed_table *t, const struct ip_prefix *prefix)
{
	return prefix->address.family == 4 ? &t->v4 : &t->v6;
}

static void unlink_allowed(struct vpn_allowed *a)
{
	struct vpn_peer *peer = a->peer;
	struct vpn_allowed **at = &peer->allowed, *before = NULL;
	for (; *at != a; at = &(*at)->next)
		before = *at;
	*at = a->next;
	if (peer->allowed_last == a)
		peer->allowed_last = before;
	peer->allowed_n--;
}

static void append(struct vpn_peer *peer, struct vpn_allowed *a)
{
	a->peer = peer;
	a->next = NULL;
	*(peer->allowed_last ? &peer->allowed_last->next : &peer->allowed) = a;
	peer->allowed_last = a;
	peer->allowed_n++;
}

enum err vpn_allowed_add(struct vpn_allowed_table *t, struct vpn_peer *peer,
			 const struct ip_prefix *prefix)
{
	struct prefix_trie *trie = trie_of(t, prefix);
	struct ip_prefix clean = ip_prefix_of(&prefix->address, prefix->bits);
	struct vpn_allowed *a = prefix_trie_find_exact(trie, clean.address.bytes, clean.bits);
	if (a && a->peer == peer)
		return OK;
	if (a) {
		unlink_allowed(a);
		append(peer, a);
		return OK;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return (enum err)ENOMEM;
	a->prefix = clean;
	enum err err = prefix_trie_insert(trie, clean.address.bytes, clean.bits, a);
	if (err) {
		free(a);
		return err;
	}
	append(peer, a);
	return OK;
}

static void forget(struct vpn_allowed_table *t, struct vpn_allowed *a)
{
	(void)prefix_trie_remove(trie_of(t, &a->prefix), a->prefix.address.bytes, a->prefix.bits);
	free(a);
}

enum err vpn_allowed_remove(struct vpn_allowed_table *t, struct vpn_peer *peer,
			    const struct ip_prefix *prefix)
{
	struct ip_prefix clean = ip_prefix_of(&prefix->address, prefix->bits);
	struct vpn_allowed *a =
		prefix_trie_find_exact(trie_of(t, prefix), clean.address.bytes, clean.bits);
	if (!a || a->peer != peer)
		return ERR_ABSENT;
	unlink_allowed(a);
	forget(t, a);
	return OK;
}

void vpn_allowed_drop(struct vpn_allowed_table *t, struct vpn_peer *peer)
{
	for (struct vpn_allowed *a = peer->allowed, *next; a; a = next) {
		next = a->next;
		forget(t, a);
	}
	peer->allowed = peer->allowed_last = NULL;
	peer->allowed_n = 0;
}
