/* All sections as one map, so that the file itself is read and described like any map in it. Knows
 * no service. */
#ifndef CONFIG_ROOT_H
#define CONFIG_ROOT_H

#include "config/schema.h"

struct config_root {
	/* keys[0] is global; the others are sections->items in their order, each with its offset
	 * and its present bool in one structure of map.size. */
	struct config_key keys[CONFIG_SECTIONS_MAX + 1];
	struct config_map map; /* its keys are borrowed from this structure: do not copy it */
};

void config_root_init(struct config_root *root, const struct config_sections *sections);

enum { CONFIG_TABLES_MAX = 16 };

/* The tables of the map's keys and of all maps in it, each once; returns how many. */
size_t config_tables(const struct config_map *map,
		     const struct config_table *ret[CONFIG_TABLES_MAX]);

#endif
