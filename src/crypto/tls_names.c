#include "crypto/tls_names.h"

#include "base/table.h"
#include "crypto/random.h"
#include "crypto/tls_inner.h"

#include <stdlib.h>

enum { NAMES_MAX = 1 << 20, NAME_MAX_LEN = 255 };

/* A wildcard's key begins with the dot behind its asterisk. */
struct entry {
	struct tls_bundle bundle;
	size_t len;
	char key[];
};

struct tls_names {
	struct table table;
};

static bool entry_equal(const void *record, const void *key, size_t key_len)
{
	const struct entry *e = record;
	return e->len == key_len && memcmp(e->key, key, key_len) == 0;
}

enum err tls_names_new(struct tls_names **ret)
{
	struct hash_key key;
	TRY(crypto_random(&key, sizeof(key)));
	struct tls_names *n = calloc(1, sizeof(*n));
	if (!n)
		return ENOMEM;
	table_init(&n->table, key, NAMES_MAX, entry_equal);
	*ret = n;
	return OK;
}

void tls_names_free(struct tls_names *n)
{
	struct entry *e;
	if (!n)
		return;
	for (size_t at = 0; (e = table_next(&n->table, &at));)
		free(e);
	table_done(&n->table);
	free(n);
}

static struct entry *entry_find(const struct tls_names *n, struct span key)
{
	return table_find(&n->table, table_hash(&n->table, key), key.data, key.len);
}

static enum err name_add(struct tls_names *n, struct span key, struct tls_chain *c)
{
	struct entry *e = entry_find(n, key);
	if (!e) {
		e = calloc(1, sizeof(*e) + key.len);
		if (!e)
			return ENOMEM;
		memcpy(e->key, key.data, key.len);
		e->len = key.len;
		enum err err =
			table_insert(&n->table, table_hash(&n->table, key), e->key, e->len, e);
		if (err) {
			free(e);
			return err;
		}
	}
	if (!e->bundle.by_key[c->kind])
		e->bundle.by_key[c->kind] = c;
	return OK;
}

enum err tls_names_add(struct tls_names *n, struct tls_chain *c)
{
	for (size_t i = 0; i < c->names_n; i++) {
		const char *name = c->names[i];
		TRY(name_add(n, span_text(name[0] == '*' ? name + 1 : name), c));
	}
	return OK;
}

const struct tls_bundle *tls_names_find(const struct tls_names *n, const char *name)
{
	char lower[NAME_MAX_LEN];
	size_t len = strlen(name);
	if (len && name[len - 1] == '.')
		len--;
	if (len == 0 || len > sizeof(lower))
		return NULL;
	for (size_t i = 0; i < len; i++)
		lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
	struct span all = span_of(lower, len);
	if (lower[0] == '.')
		return NULL; /* or it would be found among the wildcards' keys */
	struct entry *e = entry_find(n, all);
	if (!e)
		e = entry_find(n, span_sub(all, span_find(all, '.'), len));
	return e ? &e->bundle : NULL;
}
