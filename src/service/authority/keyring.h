/* The keys of one configuration, by which messages are signed (RFC 8945). Knows nothing of what a
 * key may do. */
#ifndef AUTHORITY_KEYRING_H
#define AUTHORITY_KEYRING_H

#include "proto/dns/tsig.h"

#include <stdatomic.h>

struct keyring {
	_Atomic uint32_t refs;
	size_t n;
	struct dns_tsig_key keys[];
};

/* n keys, zeroed, to be filled before others see them; one reference. ENOMEM. */
MUST enum err keyring_new(size_t n, struct keyring **ret);
struct keyring *keyring_ref(struct keyring *k); /* accepts NULL */
void keyring_unref(struct keyring *k);		/* the last wipes the keys; accepts NULL */
DEFINE_AUTO(struct keyring, keyring_unref)

/* A dns_tsig_find: arg is a struct keyring, or NULL. */
const struct dns_tsig_key *keyring_find(const void *arg, const struct dns_name *name);

#endif
