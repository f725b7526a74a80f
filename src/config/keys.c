#include "base/writer.h"
#include "config/reference.h"
#include "config/root.h"
#include "config/table.h"

/* The key of map that is named so; NULL: none. */
static const struct config_key *key_named(const struct config_map *map, struct span name)
{
	for (size_t i = 0; i < map->keys_n; i++) {
		if (span_is(name, map->keys[i].name))
			return &map->keys[i];
	}
	return NULL;
}

static void write_rows(const struct config_table *table, struct span above, struct span rest,
		       struct writer *w)
{
	struct config_row row;
	for (size_t i = 0; table->row(i, &row); i++) {
		if (!span_equal(span_sub(span_text(row.name), 0, rest.len), rest))
			continue;
		write_span(w, above);
		write_format(w, "%s\t%s%s\n", row.name, row.takes,
			     row.is_list ? ", or a list of such" : "");
	}
}

void config_keys(const struct config_sections *sections, struct span prefix, struct writer *w)
{
	struct config_root root;
	config_root_init(&root, sections);
	const struct config_map *map = &root.map;
	struct span rest = prefix;
	for (size_t dot; (dot = span_find(rest, '.')) < rest.len;) {
		const struct config_key *k = key_named(map, span_sub(rest, 0, dot));
		if (!k || (!k->map && !k->table))
			return;
		map = k->map;
		rest = span_sub(rest, dot + 1, rest.len);
		if (k->table) {
			struct span above = span_sub(prefix, 0, prefix.len - rest.len);
			write_rows(k->table, above, rest, w);
			return;
		}
	}
	struct span above = span_sub(prefix, 0, prefix.len - rest.len);
	for (size_t i = 0; i < map->keys_n; i++) {
		const struct config_key *k = &map->keys[i];
		if ((k->flags & CONFIG_ENTRY_NAME) ||
		    !span_equal(span_sub(span_text(k->name), 0, rest.len), rest))
			continue;
		write_span(w, above);
		write_format(w, "%s%s\t%s\n", k->name, k->map || k->table ? "." : "", k->help);
	}
}
