#include "base/nearest.h"
#include "base/writer.h"
#include "config/table.h"
#include "config/walk_inner.h"

#include <stdio.h>
#include <stdlib.h>

/* The value of one entry as its table reads it, and where each part of it stands. */
struct gather {
	struct config_entry entry;
	struct config_item *items;
	struct config_part *parts;
	const struct yaml_node **places; /* of the parts */
	size_t items_n, parts_n;
};

static void gather_done(struct gather *g)
{
	free(g->items);
	free(g->parts);
	free(g->places);
}

static void tell_shape(const struct config_walk *w, const struct config_key *key,
		       const struct yaml_node *name, const struct yaml_node *node)
{
	char found[CONFIG_ERROR_TEXT_MAX];
	struct config_fault fault = {
		.offset = node->offset,
		.expected = "a value, a list of values or a map of such",
		.found = config_found_text(node, found),
	};
	if (!node->torn)
		config_report_add(w->report, w->source, &fault, "wrong value for '%s' in '%s'",
				  (const char *)name->text.data, key->name);
}

static void gather_part(struct gather *g, struct span name, const struct yaml_node *n)
{
	g->places[g->parts_n] = n;
	g->parts[g->parts_n++] = (struct config_part){.name = name, .text = n->text};
}

/* A scalar, or a map of scalars. The wrong node, or NULL. */
static const struct yaml_node *gather_item(const struct config_walk *w, struct gather *g,
					   const struct yaml_node *n)
{
	struct config_item *item = &g->items[g->items_n++];
	const struct yaml_node *value;
	item->parts = &g->parts[g->parts_n];
	if (n->torn || (n->kind != YAML_SCALAR && n->kind != YAML_MAP))
		return n;
	if (n->kind == YAML_SCALAR) {
		gather_part(g, (struct span){0}, n);
		item->parts_n = 1;
		return NULL;
	}
	for (const struct yaml_node *k = yaml_first(w->tree, n); k; k = yaml_next(w->tree, value)) {
		value = yaml_next(w->tree, k);
		if (k->kind != YAML_SCALAR || k->torn)
			return k;
		if (value->kind != YAML_SCALAR || value->torn)
			return value;
		gather_part(g, k->text, value);
		item->parts_n++;
	}
	return NULL;
}

/* Scalars that may be in it, at most. */
static size_t count_parts(const struct config_walk *w, const struct yaml_node *n)
{
	size_t parts = 1 + n->children;
	if (n->kind != YAML_LIST)
		return parts;
	for (const struct yaml_node *i = yaml_first(w->tree, n); i; i = yaml_next(w->tree, i))
		parts += i->children;
	return parts;
}

/* ERR_FORMAT: told. */
MUST static enum err gather(struct config_walk *w, const struct config_key *key,
			    const struct yaml_node *name, const struct yaml_node *value,
			    struct gather *g)
{
	const struct yaml_node *wrong = NULL;
	size_t parts = count_parts(w, value);
	bool list = value->kind == YAML_LIST;
	if (parts > CONFIG_ENTRY_PARTS_MAX) {
		config_report_add(w->report, w->source,
				  &(struct config_fault){.offset = value->offset},
				  "'%s' has more than %d values", (const char *)name->text.data,
				  CONFIG_ENTRY_PARTS_MAX);
		return ERR_FORMAT;
	}
	g->items = calloc(value->children + 1, sizeof(*g->items));
	g->parts = calloc(parts, sizeof(*g->parts));
	g->places = calloc(parts, sizeof(const void *));
	if (!g->items || !g->parts || !g->places)
		return ENOMEM;
	if (!list)
		wrong = gather_item(w, g, value);
	for (const struct yaml_node *i = list ? yaml_first(w->tree, value) : NULL; i && !wrong;
	     i = yaml_next(w->tree, i))
		wrong = gather_item(w, g, i);
	if (wrong) {
		tell_shape(w, key, name, wrong);
		return ERR_FORMAT;
	}
	g->entry = (struct config_entry){
		.name = name->text, .items = g->items, .items_n = g->items_n, .is_list = list};
	return OK;
}

static void tell_word(const struct config_walk *w, const struct config_key *key,
		      const struct yaml_node *name)
{
	char expected[CONFIG_ERROR_TEXT_MAX];
	const char *text = (const char *)name->text.data;
	struct nearest near = nearest_to(text);
	struct config_row row;
	struct writer to = writer_of(expected, sizeof(expected));
	for (size_t i = 0; key->table->row(i, &row); i++)
		nearest_offer(&near, row.name);
	write_text(&to, "a word of the list ");
	write_text(&to, key->table->title);
	if (key->table->others)
		write_format(&to, " in gatehouse.yaml(5), or %s", key->table->others);
	write_u8(&to, 0);
	struct config_fault fault = {
		.offset = name->offset, .expected = expected, .suggestion = near.word};
	config_report_add(w->report, w->source, &fault, "unknown word '%.*s' in '%s'",
			  name->text.len < 200 ? (int)name->text.len : 200, text, key->name);
}

static void tell_value(const struct config_walk *w, const struct yaml_node *name,
		       const struct yaml_node *place, const struct config_complaint *why)
{
	struct config_key as = {.name = (const char *)name->text.data, .type = CONFIG_TABLE};
	config_tell_complaint(w, &as, place, why);
}

/* Where the complaint points. */
static const struct yaml_node *blamed(const struct gather *g, const struct yaml_node *value,
				      const struct config_blame *b)
{
	if (b->item >= g->items_n || b->part >= g->items[b->item].parts_n)
		return value;
	return g->places[&g->items[b->item].parts[b->part] - g->parts];
}

static void walk_entry(struct config_walk *w, const struct config_key *key,
		       const struct yaml_node *name, void *into)
{
	AUTO_DONE(gather_done) struct gather g = {0};
	const struct yaml_node *value = yaml_next(w->tree, name);
	struct config_complaint why = {0};
	struct config_blame blame = {0};
	enum err err = gather(w, key, name, value, &g);
	if (err) {
		w->err = err == ENOMEM ? err : w->err;
		return;
	}
	err = key->table->read(w->values.memory, &g.entry, into, &why, &blame);
	if (err == ERR_ABSENT)
		tell_word(w, key, name);
	else if (err == ERR_FORMAT)
		tell_value(w, name, blamed(&g, value, &blame), &why);
	else if (err)
		w->err = err;
}

void config_walk_table(struct config_walk *w, const struct config_key *key,
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
		if (name->kind == YAML_SCALAR && !name->torn)
			walk_entry(w, key, name, items + i * key->table->size);
		name = yaml_next(w->tree, yaml_next(w->tree, name));
	}
}
