#include "service/authority/keyring.h"

#include <stdlib.h>

enum err keyring_new(size_t n, struct keyring **ret)
{
	struct keyring *k = calloc(1, sizeof(*k) + n * sizeof(k->keys[0]));

	if (!k)
		return ENOMEM;
	k->refs = 1;
	k->n = n;
	*ret = k;
	return OK;
}

struct keyring *keyring_ref(struct keyring *k)
{
	if (k)
		atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
	return k;
}

void keyring_unref(struct keyring *k)
{
	if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < k->n; i++)
		secret_done(&k->keys[i].secret);
	free(k);
}

const struct dns_tsig_key *keyring_find(const void *arg, const struct dns_name *name)
{
	const struct keyring *k = arg;

	for (size_t i = 0; k && i < k->n; i++)
		if (dns_name_equal(&k->keys[i].name, name))
			return &k->keys[i];
	return NULL;
}
