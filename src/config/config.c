#include "config/config.h"

#include "config/global.h"
#include "config/walk.h"

#include <stdatomic.h>
#include <stdlib.h>

struct config {
	atomic_uint refs;
	struct config_memory memory;
	const char *names[CONFIG_SECTIONS_MAX + 1];    /* borrowed from the schema; 0 is global */
	const void *sections[CONFIG_SECTIONS_MAX + 1]; /* NULL: the file lacks it */
	uint32_t lines[CONFIG_SECTIONS_MAX + 1];
	size_t n;
};

struct config *config_ref(struct config *c)
{
	(void)atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void config_free(struct config *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	config_memory_done(&c->memory);
	free(c);
}

static size_t section_find(const struct config *c, const char *name)
{
	size_t i = 0;
	while (i < c->n && strcmp(c->names[i], name) != 0)
		i++;
	return i;
}

const void *config_section(const struct config *c, const char *name)
{
	size_t i = section_find(c, name);
	return i < c->n ? c->sections[i] : NULL;
}

uint32_t config_section_line(const struct config *c, const char *name)
{
	size_t i = section_find(c, name);
	return i < c->n ? c->lines[i] : 0;
}

const struct config_global *config_global(const struct config *c)
{
	return c->sections[0];
}

static uint32_t line_of(const struct config_walk *w, const char *section)
{
	const struct yaml_tree *t = w->tree;
	const struct yaml_node *n = t->root ? yaml_first(t, &t->nodes[t->root]) : NULL;
	for (; n; n = yaml_next(t, yaml_next(t, n))) {
		uint32_t line, column;
		config_source_place(w->source, n->offset, &line, &column);
		if (n->kind == YAML_SCALAR && span_is(n->text, section))
			return line;
	}
	return 0;
}

static void take_sections(struct config *c, const struct config_walk *w, const void *root)
{
	const struct config_map *map = &w->root->map;
	c->n = map->keys_n;
	for (size_t i = 0; i < c->n; i++) {
		const struct config_key *k = &map->keys[i];
		bool present = *((const bool *)root + k->present - 1);
		c->names[i] = k->name;
		c->sections[i] = present || i == 0 ? (const char *)root + k->offset : NULL;
		c->lines[i] = present ? line_of(w, k->name) : 0;
	}
}

static enum err tree_take(struct config *c, struct config_walk *w)
{
	void *root = config_memory_get(&c->memory, w->root->map.size);
	if (!root)
		return ENOMEM;
	config_walk_root(w, root);
	TRY(w->err);
	config_report_sort(w->report);
	if (!config_report_empty(w->report))
		return ERR_CONFIG;
	take_sections(c, w, root);
	return OK;
}

static enum err source_take(struct config *c, const struct config_sections *sections,
			    const struct config_input *input, const struct config_source *source,
			    struct config_report *report)
{
	struct config_root root;
	struct yaml_tree tree;
	config_root_init(&root, sections);
	TRY(yaml_read(source, &tree, report));
	struct config_walk walk = {
		.root = &root,
		.source = source,
		.tree = &tree,
		.report = report,
		.values = {.memory = &c->memory, .input = input},
	};
	enum err err = tree_take(c, &walk);
	yaml_tree_done(&tree);
	return err;
}

enum err config_parse(const struct config_sections *sections, const struct config_input *input,
		      struct config **ret, struct config_report *report)
{
	struct config_source source;
	struct span text = input->text;
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		text = span_sub(text, 3, text.len); /* a byte order mark */
	/* One octet past the bound is enough to see that it is passed. */
	text = span_sub(text, 0, (size_t)CONFIG_TEXT_MAX + 1);
	TRY(config_report_start(report, input->file_name));
	TRY(config_source_init(&source, text, input->file_name));
	struct config *c = calloc(1, sizeof(*c));
	if (c)
		atomic_init(&c->refs, 1);
	enum err err = c ? source_take(c, sections, input, &source, report) : ENOMEM;
	config_source_done(&source);
	if (err)
		config_free(c);
	else
		*ret = c;
	return err;
}
