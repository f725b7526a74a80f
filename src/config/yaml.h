/* The text of a file as a bounded tree of scalars, lists and maps, each with its octet. Knows no
 * schema; types are the schema's business, so a scalar is its text whatever it looks like. */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include "base/err.h"
#include "base/span.h"
#include "config/memory.h"

struct config_report;
struct config_source;

enum yaml_kind {
	YAML_NOTHING, /* no value, ~ or null */
	YAML_SCALAR,
	YAML_LIST,
	YAML_MAP, /* its children are key, value, key, value, … */
};

struct yaml_node {
	enum yaml_kind kind;
	/* An error inside was told already: what is missing here may be there. */
	bool torn;
	uint32_t offset;      /* of its first octet in the file */
	uint32_t first, next; /* first child, next sibling: places in nodes; 0: none */
	uint32_t children;
	struct span text; /* of a scalar, unescaped, NUL behind it, no NUL inside */
};

struct yaml_tree {
	struct yaml_node *nodes; /* nodes[0] is not used */
	uint32_t nodes_n, nodes_max;
	uint32_t root;		     /* 0: the file is empty */
	struct config_memory memory; /* of the scalars */
};

/* Reads the whole source; after an error goes on at the next section. Tells every error; the tree
 * is usable in any case. ENOMEM. */
MUST enum err yaml_read(const struct config_source *source, struct yaml_tree *ret,
			struct config_report *report);
void yaml_tree_done(struct yaml_tree *t);

static inline const struct yaml_node *yaml_first(const struct yaml_tree *t,
						 const struct yaml_node *n)
{
	return n->first ? &t->nodes[n->first] : NULL;
}

static inline const struct yaml_node *yaml_next(const struct yaml_tree *t,
						const struct yaml_node *n)
{
	return n->next ? &t->nodes[n->next] : NULL;
}

#endif
