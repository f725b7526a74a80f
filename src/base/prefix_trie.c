#include "base/prefix_trie.h"

#include <stdlib.h>
#include <string.h>

/* Children begin with all of the node's bits; child[b] has the bit b behind them. A node without a
 * value is a mere fork and has both children. */
struct prefix_node {
	struct prefix_node *child[2]; /* owned */
	void *value;		      /* borrowed; NULL: a fork */
	unsigned bits;
	uint8_t key[PREFIX_TRIE_WIDTH_MAX]; /* bits beyond `bits` are zero */
};

void prefix_trie_init(struct prefix_trie *t, size_t width, size_t prefixes_max)
{
	ASSERT(width >= 1 && width <= PREFIX_TRIE_WIDTH_MAX);
	*t = (struct prefix_trie){.width = width, .prefixes_max = prefixes_max};
}

void prefix_trie_done(struct prefix_trie *t)
{
	if (!t)
		return;
	/* Turns left children to the right until there is none: no stack, each node once. */
	struct prefix_node *node = t->root;
	while (node) {
		struct prefix_node *left = node->child[0];
		if (left) {
			node->child[0] = left->child[1];
			left->child[1] = node;
			node = left;
		} else {
			struct prefix_node *right = node->child[1];
			free(node);
			node = right;
		}
	}
	*t = (struct prefix_trie){0};
}

static unsigned bit_at(const uint8_t *key, unsigned i)
{
	return key[i / 8] >> (7 - i % 8) & 1u;
}

/* How many of their first `max` bits are the same. */
static unsigned same_bits(const uint8_t *a, const uint8_t *b, unsigned max)
{
	for (unsigned i = 0; i * 8 < max; i++) {
		unsigned differ = (unsigned)(a[i] ^ b[i]);
		if (differ) {
			unsigned same = i * 8 + (unsigned)__builtin_clz(differ) - 24;
			return same < max ? same : max;
		}
	}
	return max;
}

static struct prefix_node *node_new(const uint8_t *key, unsigned bits, void *value)
{
	struct prefix_node *node = calloc(1, sizeof(*node));
	if (!node)
		return NULL;
	node->value = value;
	node->bits = bits;
	memcpy(node->key, key, (bits + 7) / 8);
	if (bits % 8)
		node->key[bits / 8] &= (uint8_t)(0xff00 >> bits % 8);
	return node;
}

/* Puts the prefix above *link, with which it shares its first `same` bits and no more. */
static enum err insert_above(struct prefix_node **link, const uint8_t *prefix, unsigned bits,
			     unsigned same, void *value)
{
	struct prefix_node *old = *link;
	struct prefix_node *node = node_new(prefix, bits, value);
	if (!node)
		return (enum err)ENOMEM;
	if (same == bits) {
		node->child[bit_at(old->key, bits)] = old;
		*link = node;
		return OK;
	}
	struct prefix_node *fork = node_new(prefix, same, NULL);
	if (!fork) {
		free(node);
		return (enum err)ENOMEM;
	}
	fork->child[bit_at(old->key, same)] = old;
	fork->child[bit_at(prefix, same)] = node;
	*link = fork;
	return OK;
}

static enum err insert(struct prefix_trie *t, const uint8_t *prefix, unsigned bits, void *value)
{
	struct prefix_node **link = &t->root;
	while (*link) {
		struct prefix_node *node = *link;
		unsigned same = same_bits(prefix, node->key, bits < node->bits ? bits : node->bits);
		if (same == node->bits && same == bits) {
			if (node->value)
				return ERR_EXISTS;
			if (t->used == t->prefixes_max)
				return ERR_LIMIT;
			node->value = value;
			return OK;
		}
		if (same < node->bits)
			return t->used == t->prefixes_max
				       ? ERR_LIMIT
				       : insert_above(link, prefix, bits, same, value);
		link = &node->child[bit_at(prefix, node->bits)];
	}
	if (t->used == t->prefixes_max)
		return ERR_LIMIT;
	*link = node_new(prefix, bits, value);
	return *link ? OK : (enum err)ENOMEM;
}

enum err prefix_trie_insert(struct prefix_trie *t, const uint8_t *prefix, unsigned bits,
			    void *value)
{
	ASSERT(bits <= t->width * 8 && value);
	enum err e = insert(t, prefix, bits, value);
	if (e == OK)
		t->used++;
	else if (e != ERR_EXISTS)
		t->refused++;
	return e;
}

void *prefix_trie_find_bits(const struct prefix_trie *t, const uint8_t *address, unsigned *ret_bits)
{
	const struct prefix_node *best = NULL;
	const struct prefix_node *node = t->root;
	while (node && same_bits(address, node->key, node->bits) == node->bits) {
		if (node->value)
			best = node;
		if (node->bits == t->width * 8)
			break;
		node = node->child[bit_at(address, node->bits)];
	}
	if (!best)
		return NULL;
	*ret_bits = best->bits;
	return best->value;
}

void *prefix_trie_find(const struct prefix_trie *t, const uint8_t *address)
{
	unsigned bits;
	return prefix_trie_find_bits(t, address, &bits);
}

void *prefix_trie_find_exact(const struct prefix_trie *t, const uint8_t *prefix, unsigned bits)
{
	ASSERT(bits <= t->width * 8);
	const struct prefix_node *node = t->root;
	while (node && node->bits <= bits &&
	       same_bits(prefix, node->key, node->bits) == node->bits) {
		if (node->bits == bits)
			return node->value;
		node = node->child[bit_at(prefix, node->bits)];
	}
	return NULL;
}

/* A fork needs two children: puts the only child, or nothing, in place of a node without a value.
 */
static void collapse(struct prefix_node **link)
{
	struct prefix_node *node = *link;
	if (node->value || (node->child[0] && node->child[1]))
		return;
	*link = node->child[0] ? node->child[0] : node->child[1];
	free(node);
}

void *prefix_trie_remove(struct prefix_trie *t, const uint8_t *prefix, unsigned bits)
{
	ASSERT(bits <= t->width * 8);
	struct prefix_node **above = NULL;
	struct prefix_node **link = &t->root;
	while (*link && (*link)->bits < bits) {
		struct prefix_node *node = *link;
		if (same_bits(prefix, node->key, node->bits) != node->bits)
			return NULL;
		above = link;
		link = &node->child[bit_at(prefix, node->bits)];
	}
	struct prefix_node *node = *link;
	if (!node || node->bits != bits || same_bits(prefix, node->key, bits) != bits)
		return NULL;
	void *value = node->value;
	if (!value)
		return NULL;
	node->value = NULL;
	t->used--;
	collapse(link);
	if (above && !*link)
		collapse(above);
	return value;
}

void prefix_trie_each(const struct prefix_trie *t,
		      bool (*call)(const uint8_t *prefix, unsigned bits, void *value, void *arg),
		      void *arg)
{
	/* One right child waits for each bit of the way down, at most. */
	const struct prefix_node *waiting[PREFIX_TRIE_WIDTH_MAX * 8 + 1];
	size_t n = 0;
	const struct prefix_node *node = t->root;
	while (node) {
		if (node->value && !call(node->key, node->bits, node->value, arg))
			return;
		if (node->child[1])
			waiting[n++] = node->child[1];
		node = node->child[0];
		if (!node && n)
			node = waiting[--n];
	}
}
