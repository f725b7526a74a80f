#include "config/walk.h"

#include <stdarg.h>
#include <stdio.h>

static void fail_at(struct config_at *at, uint32_t offset, bool secret, const char *format,
		    va_list args)
{
	char message[CONFIG_ERROR_TEXT_MAX];
	(void)vsnprintf(message, sizeof(message), format, args);
	struct config_fault fault = {
		.offset = offset, .hide_source = secret, .suggestion = at->meant};
	at->meant = NULL;
	config_report_add(at->walk->report, at->walk->source, &fault, "%s", message);
}

void config_meant(struct config_at *at, const char *word)
{
	at->meant = word;
}

static size_t key_place(const struct config_at *at, const char *key)
{
	size_t i = 0;
	while (key && i < at->map->keys_n && strcmp(at->map->keys[i].name, key) != 0)
		i++;
	ASSERT(i < at->map->keys_n);
	return i;
}

void config_fail(struct config_at *at, const char *key, const char *format, ...)
{
	uint32_t offset = at->offset;
	bool secret = false;
	if (key) {
		size_t k = key_place(at, key);
		secret = at->map->keys[k].type == CONFIG_SECRET;
		offset = at->seen[k] ? at->seen[k]->offset : at->offset;
	}
	va_list args;
	va_start(args, format);
	fail_at(at, offset, secret, format, args);
	va_end(args);
}

void config_fail_item(struct config_at *at, const char *key, size_t item, const char *format, ...)
{
	const struct yaml_tree *tree = at->walk->tree;
	size_t k = key_place(at, key);
	const struct yaml_node *n = at->seen[k];
	enum config_type type = at->map->keys[k].type;
	bool entries = type == CONFIG_DICTIONARY || type == CONFIG_TABLE;
	if (n && (n->kind == YAML_LIST || entries)) {
		/* Their children are names and values; the name is pointed at. */
		size_t steps = n->kind == YAML_MAP ? item * 2 : item;
		n = yaml_first(tree, n);
		while (n && steps--)
			n = yaml_next(tree, n);
	}
	va_list args;
	va_start(args, format);
	fail_at(at, n ? n->offset : at->offset, at->map->keys[k].type == CONFIG_SECRET, format,
		args);
	va_end(args);
}

/* The value of key in a map; NULL: absent. */
static const struct yaml_node *value_of(const struct yaml_tree *tree, const struct yaml_node *map,
					const char *key)
{
	const struct yaml_node *k = map->kind == YAML_MAP ? yaml_first(tree, map) : NULL;
	for (; k; k = yaml_next(tree, yaml_next(tree, k))) {
		if (k->kind == YAML_SCALAR && span_is(k->text, key))
			return yaml_next(tree, k);
	}
	return NULL;
}

static const struct yaml_node *item_of(const struct yaml_tree *tree, const struct yaml_node *n,
				       size_t item)
{
	if (item == CONFIG_STEP_WHOLE || n->kind != YAML_LIST)
		return n;
	n = yaml_first(tree, n);
	while (n && item--)
		n = yaml_next(tree, n);
	return n;
}

/* The same of a dictionary: where the name stands goes to offset, the value is returned. */
static const struct yaml_node *entry_of(const struct yaml_tree *tree, const struct yaml_node *n,
					size_t item, uint32_t *offset)
{
	const struct yaml_node *name = n->kind == YAML_MAP ? yaml_first(tree, n) : NULL;
	if (item == CONFIG_STEP_WHOLE)
		return n;
	while (name && item--)
		name = yaml_next(tree, yaml_next(tree, name));
	if (name)
		*offset = name->offset;
	return name ? yaml_next(tree, name) : NULL;
}

static const struct config_key *key_of(const struct config_map *map, const char *name)
{
	for (size_t i = 0; map && i < map->keys_n; i++)
		if (strcmp(map->keys[i].name, name) == 0)
			return &map->keys[i];
	return NULL;
}

void config_fail_inside(struct config_at *at, const struct config_step *steps, size_t steps_n,
			const char *format, ...)
{
	const struct yaml_tree *tree = at->walk->tree;
	uint32_t offset = at->offset;
	size_t k = key_place(at, steps[0].key);
	const struct yaml_node *n = at->seen[k];
	const struct config_map *map = at->map;
	for (size_t i = 0; i < steps_n && n; i++) {
		const struct config_key *key = key_of(map, steps[i].key);
		n = i ? value_of(tree, n, steps[i].key) : n;
		if (!n)
			break;
		offset = n->offset;
		if (key && key->type == CONFIG_DICTIONARY) {
			n = entry_of(tree, n, steps[i].item, &offset);
		} else {
			n = item_of(tree, n, steps[i].item);
			offset = n ? n->offset : offset;
		}
		map = key ? key->map : NULL;
	}
	va_list args;
	va_start(args, format);
	fail_at(at, offset, at->map->keys[k].type == CONFIG_SECRET, format, args);
	va_end(args);
}
