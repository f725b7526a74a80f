#include "config/walk_inner.h"

#include <stdio.h>
#include <stdlib.h>

const char *config_found_text(const struct yaml_node *n, char buf[CONFIG_ERROR_TEXT_MAX])
{
	switch (n->kind) {
	case YAML_SCALAR:
		(void)snprintf(buf, CONFIG_ERROR_TEXT_MAX, "'%.*s'",
			       n->text.len < 200 ? (int)n->text.len : 200,
			       (const char *)n->text.data);
		return buf;
	case YAML_LIST: return "a list";
	case YAML_MAP: return "a map";
	default: return "nothing";
	}
}

void config_tell_kind(const struct config_walk *w, const struct config_key *key,
		      const struct yaml_node *node, bool list)
{
	char found[CONFIG_ERROR_TEXT_MAX], phrase[CONFIG_PHRASE_MAX];
	char expected[CONFIG_PHRASE_MAX + 32];
	if (node->torn)
		return;
	bool secret = key->type == CONFIG_SECRET;
	(void)snprintf(expected, sizeof(expected), "%s%s", config_key_phrase(key, phrase),
		       list ? ", or a list of such" : "");
	struct config_fault fault = {
		.offset = node->offset, .expected = expected, .hide_source = secret};
	fault.found = secret && node->kind == YAML_SCALAR ? NULL : config_found_text(node, found);
	config_report_add(w->report, w->source, &fault,
			  node->kind == YAML_NOTHING ? "'%s' has no value" : "wrong value for '%s'",
			  key->name);
}

void config_tell_complaint(const struct config_walk *w, const struct config_key *key,
			   const struct yaml_node *node, const struct config_complaint *c)
{
	char found[CONFIG_ERROR_TEXT_MAX];
	bool secret = key->type == CONFIG_SECRET;
	struct config_fault fault = {
		.offset = node->offset,
		.hide_source = secret,
		.expected = c->expected[0] ? c->expected : NULL,
		.found = secret ? NULL : config_found_text(node, found),
		.suggestion = c->suggestion[0] ? c->suggestion : NULL,
	};
	if (c->message[0])
		config_report_add(w->report, w->source, &fault, "value of '%s' %s", key->name,
				  c->message);
	else
		config_report_add(w->report, w->source, &fault, "wrong value for '%s'", key->name);
}

static int entry_order(const void *a, const void *b)
{
	const struct yaml_node *x = *(const struct yaml_node *const *)a;
	const struct yaml_node *y = *(const struct yaml_node *const *)b;
	int order = strcmp((const char *)x->text.data, (const char *)y->text.data);
	return order ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

void config_tell_twice(const struct config_walk *w, const struct yaml_node *again,
		       const struct yaml_node *before, bool secret)
{
	uint32_t line, column;
	config_source_place(w->source, before->offset, &line, &column);
	config_report_add(w->report, w->source,
			  &(struct config_fault){.offset = again->offset, .hide_source = secret},
			  "'%.*s' is here a second time; the first is in line %u",
			  again->text.len < 200 ? (int)again->text.len : 200,
			  (const char *)again->text.data, line);
}

void config_judge_entries(struct config_walk *w, const struct yaml_node *node)
{
	size_t n = 0;
	const struct yaml_node **names = calloc(node->children / 2 + 1, sizeof(const void *));
	if (!names) {
		w->err = ENOMEM;
		return;
	}
	const struct yaml_node *k = yaml_first(w->tree, node);
	for (; k; k = yaml_next(w->tree, yaml_next(w->tree, k))) {
		if (k->kind == YAML_SCALAR && !k->torn)
			names[n++] = k;
	}
	qsort(names, n, sizeof(const void *), entry_order);
	for (size_t i = 1; i < n; i++) {
		if (span_equal(names[i]->text, names[i - 1]->text))
			config_tell_twice(w, names[i], names[i - 1], false);
	}
	free(names);
}

void *config_list_begin(struct config_walk *w, const struct config_key *key, uint32_t offset,
			size_t n, struct config_list *list)
{
	size_t max = key->items_max		    ? key->items_max
		     : (key->flags & CONFIG_UNIQUE) ? CONFIG_UNIQUE_MAX
						    : CONFIG_ITEMS_MAX;
	if (n < key->items_min || n > max) {
		config_report_add(w->report, w->source, &(struct config_fault){.offset = offset},
				  "'%s' has %zu item%s; expected %zu to %zu", key->name, n,
				  n == 1 ? "" : "s", key->items_min, max);
		return NULL;
	}
	if (n == 0)
		return NULL;
	list->items = config_memory_get(w->values.memory, n * config_item_size(key));
	if (list->items)
		list->n = n;
	else
		w->err = ENOMEM;
	return list->items;
}
