/* The tree of a file laid over a schema: fills the structs, tells every difference. Knows no YAML
 * syntax and no service. */
#ifndef CONFIG_WALK_H
#define CONFIG_WALK_H

#include "config/diagnose.h"
#include "config/root.h"
#include "config/value.h"
#include "config/yaml.h"

#define CONFIG_KEYS_MAX 128 /* of one map */
/* Of a list with CONFIG_UNIQUE: each item is compared with each. */
#define CONFIG_UNIQUE_MAX 1024

struct config_walk {
	const struct config_root *root;
	const struct config_source *source;
	const struct yaml_tree *tree;
	struct config_report *report;
	struct config_values values;
	enum err err;	  /* ENOMEM: the first that was met */
	const char *flow; /* how the map that a value stands for is written; NULL: none */
};

/* A map of the file that is being judged; for config_map.check. */
struct config_at {
	struct config_walk *walk;
	const struct config_map *map;
	uint32_t offset;			       /* where the map begins */
	const struct yaml_node *seen[CONFIG_KEYS_MAX]; /* value of each key; NULL: absent */
	const char *meant;			       /* config_meant */
};

/* Fills into (walk->root->map.size zeros) from the whole tree. */
void config_walk_root(struct config_walk *w, void *into);

/* All of map's defaults into zeroed storage. */
void config_walk_defaults(struct config_walk *w, const struct config_map *map, void *into);

/* Tells that key is not one of map's, and which one or where it may have been meant. */
void config_tell_unknown(const struct config_walk *w, const struct config_map *map,
			 const struct yaml_node *key);

static inline bool config_walk_is_full(const struct config_walk *w)
{
	return w->report->n == CONFIG_ERRORS_MAX;
}

#endif
