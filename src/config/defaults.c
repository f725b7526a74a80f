#include "config/walk.h"

/* What a fallback text cannot be is a fault of the schema, which config_schema_check tells. */
static void read_fallback(struct config_walk *w, const struct config_key *key, struct span text,
			  void *into)
{
	struct config_complaint why;
	const char *copy = config_memory_text(w->values.memory, text); /* for the NUL behind it */
	enum err err =
		copy ? config_value_read(&w->values, key, span_of(copy, text.len), into, &why)
		     : ENOMEM;
	ASSERT(err != ERR_FORMAT);
	if (err)
		w->err = err;
}

/* "a, b, c" */
static void list_fallback(struct config_walk *w, const struct config_key *key,
			  struct config_list *list)
{
	struct span text = span_text(key->fallback);
	size_t n = 1, size = config_item_size(key);
	for (size_t i = 0; i < text.len; i++)
		n += text.data[i] == ',';
	char *items = config_memory_get(w->values.memory, n * size);
	if (!items) {
		w->err = ENOMEM;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		size_t comma = span_find(text, ',');
		read_fallback(w, key, span_trim(span_sub(text, 0, comma)), items + i * size);
		text = span_sub(text, comma + 1, text.len);
	}
	*list = (struct config_list){.items = items, .n = n};
}

void config_walk_defaults(struct config_walk *w, const struct config_map *map, void *into)
{
	for (size_t i = 0; i < map->keys_n; i++) {
		const struct config_key *key = &map->keys[i];
		void *field = (char *)into + key->offset;
		if (key->fallback && (key->flags & CONFIG_LIST))
			list_fallback(w, key, field);
		else if (key->fallback)
			read_fallback(w, key, span_text(key->fallback), field);
		else if (key->type == CONFIG_MAP && !(key->flags & CONFIG_LIST))
			config_walk_defaults(w, key->map, field);
	}
}
