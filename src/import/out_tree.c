#include "import/out_tree.h"

#include "base/writer.h"
#include "import/site.h"
#include "import/yaml_scalar.h"

#include <stdarg.h>
#include <stdio.h>

static struct out_node *add(struct import_site *s, struct out_node *parent, enum out_kind kind,
			    struct span key)
{
	struct out_node *n = IMPORT_NEW(s, struct out_node);
	n->kind = kind;
	n->key = import_copy(s, key);
	if (!parent || s->failed)
		return n;
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	return n;
}

struct out_node *out_map(struct import_site *s, struct out_node *parent, const char *key)
{
	return add(s, parent, OUT_MAP, span_text(key));
}

struct out_node *out_list(struct import_site *s, struct out_node *parent, const char *key)
{
	return add(s, parent, OUT_LIST, span_text(key));
}

struct out_node *out_named(struct import_site *s, struct out_node *parent, enum out_kind kind,
			   struct span key)
{
	return add(s, parent, kind, key);
}

void out_text(struct import_site *s, struct out_node *parent, const char *key, struct span text)
{
	add(s, parent, OUT_SCALAR, span_text(key))->text = import_copy(s, text);
}

void out_format(struct import_site *s, struct out_node *parent, const char *key, const char *format,
		...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n > 0 && (size_t)n < sizeof(text))
		out_text(s, parent, key, span_text(text));
}

struct out_node *out_find(const struct out_node *map, const char *key)
{
	struct out_node *n = map->first;
	while (n && !span_is(n->key, key))
		n = n->next;
	return n;
}

bool out_is(const struct out_node *map, const char *key, struct span text)
{
	const struct out_node *n = out_find(map, key);
	return n && n->kind == OUT_SCALAR && span_equal(n->text, text);
}

bool out_has(const struct out_node *list, struct span text)
{
	for (const struct out_node *n = list->first; n; n = n->next)
		if (n->kind == OUT_SCALAR && span_equal(n->text, text))
			return true;
	return false;
}

struct out_node *out_take(struct out_node *map, const char *key)
{
	struct out_node *before = NULL, *n = map->first;
	while (n && !span_is(n->key, key)) {
		before = n;
		n = n->next;
	}
	if (!n)
		return NULL;
	*(before ? &before->next : &map->first) = n->next;
	if (map->last == n)
		map->last = before;
	n->next = NULL;
	return n;
}

void out_item(struct import_site *s, struct out_node *list, struct span text)
{
	if (!out_has(list, text))
		out_text(s, list, "", text);
}

void out_share(struct import_site *s, struct out_node *to, const struct out_node *from)
{
	for (const struct out_node *n = from->first; n; n = n->next) {
		struct out_node *copy = add(s, to, n->kind, n->key);
		copy->text = n->text;
		copy->first = n->first;
		copy->last = n->last;
	}
}

bool out_equal(const struct out_node *a, const struct out_node *b)
{
	if (!a || !b)
		return (!a || !a->first) && (!b || !b->first);
	if (a->kind != b->kind || !span_equal(a->key, b->key) || !span_equal(a->text, b->text))
		return false;
	const struct out_node *x = a->first, *y = b->first;
	while (x && y && out_equal(x, y)) {
		x = x->next;
		y = y->next;
	}
	return !x && !y;
}

/* ---- its text ---- */

static void value_write(const struct out_node *n, struct writer *w, unsigned depth);

static bool is_written(const struct out_node *n)
{
	return n->kind != OUT_MAP || n->first;
}

static void members_write(const struct out_node *map, struct writer *w, unsigned depth,
			  bool indented)
{
	for (const struct out_node *n = map->first; n; n = n->next) {
		if (!is_written(n))
			continue;
		if (!indented)
			import_yaml_indent(w, depth);
		indented = false;
		import_yaml_scalar(w, n->key);
		write_u8(w, ':');
		value_write(n, w, depth + 1);
	}
}

static bool is_flat(const struct out_node *list)
{
	for (const struct out_node *n = list->first; n; n = n->next)
		if (n->kind != OUT_SCALAR)
			return false;
	return true;
}

static void list_write(const struct out_node *list, struct writer *w, unsigned depth)
{
	if (is_flat(list)) {
		write_text(w, " [");
		for (const struct out_node *n = list->first; n; n = n->next) {
			import_yaml_scalar(w, n->text);
			write_text(w, n->next ? ", " : "");
		}
		write_text(w, "]\n");
		return;
	}
	write_u8(w, '\n');
	for (const struct out_node *n = list->first; n; n = n->next) {
		if (!is_written(n))
			continue;
		import_yaml_indent(w, depth);
		write_text(w, "- ");
		if (n->kind == OUT_MAP) {
			members_write(n, w, depth + 1, true);
		} else {
			import_yaml_scalar(w, n->text);
			write_u8(w, '\n');
		}
	}
}

static void value_write(const struct out_node *n, struct writer *w, unsigned depth)
{
	switch (n->kind) {
	case OUT_SCALAR:
		write_u8(w, ' ');
		import_yaml_scalar(w, n->text);
		write_u8(w, '\n');
		return;
	case OUT_NOTHING: write_text(w, " {}\n"); return;
	case OUT_LIST: list_write(n, w, depth); return;
	case OUT_MAP:
		write_u8(w, '\n');
		members_write(n, w, depth, false);
		return;
	}
}

void out_write(const struct out_node *map, struct writer *w)
{
	members_write(map, w, 0, false);
}
