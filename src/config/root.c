#include "config/root.h"

#include "config/global.h"

#include <stdalign.h>

static size_t aligned(size_t size)
{
	return (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

void config_root_init(struct config_root *root, const struct config_sections *sections)
{
	ASSERT(sections->n <= CONFIG_SECTIONS_MAX);
	size_t n = sections->n + 1;
	size_t at = aligned(n); /* the present bools come first */
	*root = (struct config_root){0};
	for (size_t i = 0; i < n; i++) {
		const struct config_map *map = i ? sections->items[i - 1].map : &config_global_map;
		root->keys[i] = (struct config_key){
			.name = i ? sections->items[i - 1].name : "global",
			.type = CONFIG_MAP,
			.help = map->help,
			.map = map,
			.offset = at,
			.width = map->size,
			.present = i + 1,
		};
		at = aligned(at + map->size);
	}
	root->map = (struct config_map){
		.help = "A configuration file is a map of sections",
		.size = at,
		.keys = root->keys,
		.keys_n = n,
	};
}

static size_t add_tables(const struct config_map *map, const struct config_table **ret, size_t n)
{
	for (size_t i = 0; i < map->keys_n; i++) {
		const struct config_key *k = &map->keys[i];
		size_t known = 0;
		while (known < n && ret[known] != k->table)
			known++;
		if (k->table && known == n && n < CONFIG_TABLES_MAX)
			ret[n++] = k->table;
		if (k->map)
			n = add_tables(k->map, ret, n);
	}
	return n;
}

size_t config_tables(const struct config_map *map,
		     const struct config_table *ret[CONFIG_TABLES_MAX])
{
	return add_tables(map, ret, 0);
}
