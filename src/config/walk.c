#include "config/walk_inner.h"

#include "config/type.h"
#include "proto/dns/name.h"
#include "proto/ip/prefix.h"

#include <stdio.h>
#include <string.h>

static void walk_map(struct config_walk *w, const struct config_map *map,
		     const struct yaml_node *node, const struct yaml_node *entry, void *into);

static size_t errors_of(const struct config_walk *w)
{
	return w->report->n + w->report->more;
}

static void walk_scalar(struct config_walk *w, const struct config_key *key,
			const struct yaml_node *node, void *into)
{
	struct config_complaint why;
	if (node->torn)
		return;
	if (node->kind != YAML_SCALAR) {
		config_tell_kind(w, key, node, false);
		return;
	}
	enum err err = config_value_read(&w->values, key, node->text, into, &why);
	if (err == ERR_FORMAT) {
		size_t n = strlen(why.expected);
		if (w->flow)
			(void)snprintf(why.expected + n, sizeof(why.expected) - n,
				       ", or a map such as %s", w->flow);
		config_tell_complaint(w, key, node, &why);
	} else if (err)
		w->err = err;
}

/* Whether node stands for map's key `alone`. */
static bool stands_alone(const struct config_map *map, const struct yaml_node *node)
{
	const struct config_key *key = config_key_alone(map);
	return key && (node->kind == YAML_SCALAR ||
		       (node->kind == YAML_LIST && (key->flags & CONFIG_LIST)));
}

static void walk_item(struct config_walk *w, const struct config_key *key,
		      const struct yaml_node *node, void *into)
{
	if (config_type_is_scalar(key->type))
		walk_scalar(w, key, node, into);
	else if (node->kind == YAML_MAP ||
		 (node->kind == YAML_NOTHING && !(key->flags & CONFIG_LIST)) ||
		 stands_alone(key->map, node))
		walk_map(w, key->map, node, NULL, into);
	else
		config_tell_kind(w, key, node, false);
}

static bool items_equal(enum config_type type, const void *a, const void *b)
{
	const struct config_port *p = a, *q = b;
	const struct ip_range *r = a, *s = b;
	switch (type) {
	case CONFIG_ADDRESS: return ip_address_equal(a, b);
	case CONFIG_ENDPOINT: return ip_endpoint_equal(a, b);
	case CONFIG_PREFIX: return ip_prefix_equal(a, b);
	case CONFIG_RANGE:
		return ip_address_equal(&r->first, &s->first) &&
		       ip_address_equal(&r->last, &s->last);
	case CONFIG_PORT: return p->port == q->port && p->protocol == q->protocol;
	case CONFIG_NAME: return dns_name_equal(a, b);
	case CONFIG_TEXT:
	case CONFIG_PATH: return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
	case CONFIG_SECRET: return false;
	case CONFIG_BOOL: return *(const bool *)a == *(const bool *)b;
	case CONFIG_CHOICE: return *(const int *)a == *(const int *)b;
	default: return *(const int64_t *)a == *(const int64_t *)b;
	}
}

static void judge_unique(const struct config_walk *w, const struct config_key *key,
			 const struct yaml_node *first, const struct config_list *list)
{
	char found[CONFIG_ERROR_TEXT_MAX];
	size_t size = config_item_size(key);
	const struct yaml_node *node = first;
	for (size_t i = 0; i < list->n; i++, node = yaml_next(w->tree, node)) {
		const char *items = list->items;
		for (size_t j = 0; j < i; j++) {
			if (!items_equal(key->type, items + i * size, items + j * size))
				continue;
			struct config_fault fault = {.offset = node->offset,
						     .found = config_found_text(node, found)};
			config_report_add(w->report, w->source, &fault, "the same is in '%s' twice",
					  key->name);
			break;
		}
	}
}

static void walk_list(struct config_walk *w, const struct config_key *key,
		      const struct yaml_node *node, struct config_list *list)
{
	bool one = node->kind == YAML_SCALAR ||
		   (node->kind == YAML_MAP && !config_type_is_scalar(key->type));
	if (node->kind != YAML_LIST && !one) {
		config_tell_kind(w, key, node, true);
		return;
	}
	size_t errors = errors_of(w);
	char *items = config_list_begin(w, key, node->offset, one ? 1 : node->children, list);
	if (!items)
		return;
	const struct yaml_node *first = one ? node : yaml_first(w->tree, node), *item = first;
	bool torn = node->torn;
	for (size_t i = 0; i < list->n && item; i++) {
		torn |= item->torn;
		walk_item(w, key, item, items + i * config_item_size(key));
		item = yaml_next(w->tree, item);
	}
	if ((key->flags & CONFIG_UNIQUE) && errors == errors_of(w) && !torn)
		judge_unique(w, key, first, list);
}

static void walk_dictionary(struct config_walk *w, const struct config_key *key,
			    const struct yaml_node *node, struct config_list *list)
{
	if (node->kind != YAML_MAP) {
		config_tell_kind(w, key, node, false);
		return;
	}
	config_judge_entries(w, node);
	char *items = config_list_begin(w, key, node->offset, node->children / 2, list);
	const struct yaml_node *name = items ? yaml_first(w->tree, node) : NULL;
	for (size_t i = 0; name; i++) {
		const struct yaml_node *value = yaml_next(w->tree, name);
		void *into = items + i * key->map->size;
		if (value->kind == YAML_MAP || value->kind == YAML_NOTHING ||
		    stands_alone(key->map, value))
			walk_map(w, key->map, value, name, into);
		else if (!value->torn)
			config_report_add(
				w->report, w->source,
				&(struct config_fault){.offset = value->offset,
						       .expected = "a map of keys and values"},
				"wrong value for '%.*s'", (int)name->text.len,
				(const char *)name->text.data);
		name = yaml_next(w->tree, value);
	}
}

static void walk_value(struct config_walk *w, const struct config_key *key,
		       const struct yaml_node *node, void *conf)
{
	char *field = (char *)conf + key->offset;
	if (key->present)
		*((bool *)conf + key->present - 1) = true;
	if (key->flags & CONFIG_LIST) {
		/* What is written replaces the default. */
		*(struct config_list *)(void *)field = (struct config_list){0};
		walk_list(w, key, node, (struct config_list *)(void *)field);
	} else if (key->type == CONFIG_DICTIONARY) {
		walk_dictionary(w, key, node, (struct config_list *)(void *)field);
	} else if (key->type == CONFIG_TABLE) {
		config_walk_table(w, key, node, (struct config_list *)(void *)field);
	} else {
		walk_item(w, key, node, field);
	}
}

/* The key of map that the node names; map->keys_n: none. */
static size_t key_find(const struct config_map *map, const struct yaml_node *name)
{
	size_t i = 0;
	while (i < map->keys_n && ((map->keys[i].flags & CONFIG_ENTRY_NAME) ||
				   !span_is(name->text, map->keys[i].name)))
		i++;
	return i;
}

static void walk_pairs(struct config_walk *w, struct config_at *at, const struct yaml_node *node,
		       void *into)
{
	const struct config_map *map = at->map;
	const struct yaml_node *names[CONFIG_KEYS_MAX];
	const struct yaml_node *name = yaml_first(w->tree, node), *value;
	for (; name; name = yaml_next(w->tree, value)) {
		value = yaml_next(w->tree, name);
		if (name->kind != YAML_SCALAR || name->torn)
			continue;
		size_t k = key_find(map, name);
		if (k == map->keys_n) {
			config_tell_unknown(w, map, name);
		} else if (at->seen[k]) {
			config_tell_twice(w, name, names[k], map->keys[k].type == CONFIG_SECRET);
		} else {
			names[k] = name;
			at->seen[k] = value;
			walk_value(w, &map->keys[k], value, into);
		}
	}
}

/* node is the value of map's key `alone`. */
static void walk_alone(struct config_walk *w, struct config_at *at, const struct yaml_node *node,
		       void *into)
{
	const struct config_key *key = config_key_alone(at->map);
	const char *example = at->map->example;
	at->seen[key - at->map->keys] = node;
	w->flow = example && example[0] == '{' ? example : NULL;
	walk_value(w, key, node, into);
	w->flow = NULL;
}

static void judge_missing(const struct config_walk *w, const struct config_at *at)
{
	char phrase[CONFIG_PHRASE_MAX];
	for (size_t i = 0; i < at->map->keys_n; i++) {
		const struct config_key *key = &at->map->keys[i];
		if (!(key->flags & CONFIG_REQUIRED) || at->seen[i] ||
		    (key->flags & CONFIG_ENTRY_NAME))
			continue;
		struct config_fault fault = {.offset = at->offset,
					     .expected = config_key_phrase(key, phrase)};
		config_report_add(w->report, w->source, &fault, "key '%s' is missing here",
				  key->name);
	}
}

static void note_line(const struct config_walk *w, const struct config_map *map, uint32_t offset,
		      void *into)
{
	uint32_t line, column;
	config_source_place(w->source, offset, &line, &column);
	*(uint32_t *)(void *)((char *)into + map->line - 1) = line;
}

static void walk_map(struct config_walk *w, const struct config_map *map,
		     const struct yaml_node *node, const struct yaml_node *entry, void *into)
{
	ASSERT(map->keys_n <= CONFIG_KEYS_MAX);
	struct config_at at = {.walk = w, .map = map, .offset = node->offset};
	size_t errors = errors_of(w);
	config_walk_defaults(w, map, into);
	if (map->line)
		note_line(w, map, entry ? entry->offset : node->offset, into);
	for (size_t i = 0; entry && i < map->keys_n; i++) {
		if (map->keys[i].flags & CONFIG_ENTRY_NAME) {
			at.seen[i] = entry;
			walk_value(w, &map->keys[i], entry, into);
		}
	}
	if (stands_alone(map, node))
		walk_alone(w, &at, node, into);
	else
		walk_pairs(w, &at, node, into);
	if (node->torn)
		return;
	judge_missing(w, &at);
	if (map->check && errors == errors_of(w) && !w->err)
		map->check(into, &at);
}

void config_walk_root(struct config_walk *w, void *into)
{
	const struct yaml_node *root = w->tree->root ? &w->tree->nodes[w->tree->root] : NULL;
	const struct config_map *map = &w->root->map;
	config_walk_defaults(w, map, into);
	if (!root) {
		if (errors_of(w) == 0)
			config_report_add(w->report, w->source, &(struct config_fault){0},
					  "the file is empty: it configures no service");
	} else if (root->kind == YAML_MAP) {
		walk_map(w, map, root, NULL, into);
	} else if (!root->torn) {
		char found[CONFIG_ERROR_TEXT_MAX];
		struct config_fault fault = {.offset = root->offset,
					     .expected = "sections, each a key and its map",
					     .found = config_found_text(root, found)};
		config_report_add(w->report, w->source, &fault, "this is no configuration");
	}
}
