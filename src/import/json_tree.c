#include "import/json_tree.h"

#include "config/report.h"
#include "import/site.h"

#include <stdlib.h>

/* Octets of the comment that begins here; 0: none does. */
static size_t comment_len(struct span rest)
{
	size_t n = 2;

	if (rest.data[0] == '#' || span_is(span_sub(rest, 0, 2), "//"))
		return span_find(rest, '\n');
	if (!span_is(span_sub(rest, 0, 2), "/*"))
		return 0;
	while (n < rest.len && !span_is(span_sub(rest, n, 2), "*/"))
		n++;
	return n + 2 < rest.len ? n + 2 : rest.len;
}

/* Blanks for comments and tabs, so that every octet stays at its place. */
static void blank(char *text, size_t len)
{
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (quoted) {
			if (text[i] == '\\' && i + 1 < len)
				i++;
			else if (text[i] == '"')
				quoted = false;
			continue;
		}
		size_t n = comment_len(span_of(text + i, len - i));
		for (size_t k = 0; k < n; k++)
			if (text[i + k] != '\n')
				text[i + k] = ' ';
		if (n)
			i += n - 1;
		else if (text[i] == '\t' || text[i] == '\r')
			text[i] = ' ';
		else
			quoted = text[i] == '"';
	}
}

void json_tree_done(struct json_tree *t)
{
	yaml_tree_done(&t->yaml);
	config_source_done(&t->source);
	free(t->text);
	*t = (struct json_tree){.text = NULL};
}

enum err json_tree_read(struct span text, struct import_site *s, struct json_tree *ret)
{
	AUTO_DONE(config_report_done) struct config_report report = {.n = 0};
	AUTO_DONE(json_tree_done) struct json_tree t = {.text = malloc(text.len + 1)};

	if (!t.text)
		return ENOMEM;
	memcpy(t.text, text.data, text.len);
	t.text[text.len] = '\0';
	blank(t.text, text.len);
	TRY(config_source_init(&t.source, span_of(t.text, text.len), "the file"));
	TRY(yaml_read(&t.source, &t.yaml, &report));
	for (size_t i = 0; i < report.n; i++)
		import_note(s, report.errors[i].line, "%s", report.errors[i].message);
	if (report.n)
		return ERR_FORMAT;
	*ret = t;
	t = (struct json_tree){.text = NULL};
	return OK;
}

const struct yaml_node *json_tree_get(const struct json_tree *t, const struct yaml_node *n,
				      const char *key)
{
	if (!n || n->kind != YAML_MAP)
		return NULL;
	for (const struct yaml_node *k = yaml_first(&t->yaml, n), *v; k;
	     k = yaml_next(&t->yaml, v)) {
		v = yaml_next(&t->yaml, k);
		if (!v)
			return NULL;
		if (span_is(k->text, key))
			return v;
	}
	return NULL;
}

const struct yaml_node *json_tree_items(const struct json_tree *t, const struct yaml_node *n)
{
	return n && n->kind == YAML_LIST ? yaml_first(&t->yaml, n) : NULL;
}

struct span json_tree_text(const struct json_tree *t, const struct yaml_node *n, const char *key)
{
	const struct yaml_node *v = json_tree_get(t, n, key);
	return v && v->kind == YAML_SCALAR ? v->text : (struct span){0};
}

uint64_t json_tree_number(const struct json_tree *t, const struct yaml_node *n, const char *key)
{
	uint64_t number = 0;
	return span_to_u64(json_tree_text(t, n, key), UINT32_MAX, &number) ? number : 0;
}

bool json_tree_true(const struct json_tree *t, const struct yaml_node *n, const char *key)
{
	return span_is(json_tree_text(t, n, key), "true");
}

uint32_t json_tree_line(const struct json_tree *t, const struct yaml_node *n)
{
	uint32_t line = 0, column;
	if (n)
		config_source_place(&t->source, n->offset, &line, &column);
	return line;
}
