#include "base/writer.h"
#include "config/report.h"
#include "config/table.h"
#include "config/type.h"
#include "config/walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH_MAX	 16 /* of maps in maps */
#define EXAMPLE_TEXT_MAX 8192

struct judge {
	struct writer *problems;
	size_t faults;
	char path[512]; /* dotted, of what is judged */
};

__attribute__((format(printf, 2, 3))) static void tell(struct judge *j, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	write_format(j->problems, "%s: %s\n", j->path, text);
	j->faults++;
}

static bool is_word(const char *name)
{
	size_t n = strlen(name), i = 0;
	while (i < n && ((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
			 (name[i] == '-' && i > 0 && i + 1 < n)))
		i++;
	return n > 0 && n <= 64 && i == n;
}

static void judge_help(struct judge *j, const char *help)
{
	size_t n = help ? strlen(help) : 0, quotes = 0;
	if (n == 0 || n > 400 || help[n - 1] == '.')
		tell(j, "help has 1 to 400 octets and no dot at its end");
	for (size_t i = 0; i < n; i++)
		quotes += help[i] == '`';
	if (quotes % 2)
		tell(j, "a ` in the help is not closed");
}

static void judge_storage(struct judge *j, const struct config_map *map, const struct config_key *k)
{
	size_t size = config_type_info(k->type)->size;
	bool list =
		(k->flags & CONFIG_LIST) || k->type == CONFIG_DICTIONARY || k->type == CONFIG_TABLE;
	if (k->offset + k->width > map->size || (k->present && k->present > map->size))
		tell(j, "the field lies outside of the map's struct");
	if (list)
		size = sizeof(struct config_list);
	else if (k->type == CONFIG_MAP)
		size = k->map->size;
	else if (k->type == CONFIG_INTEGER && (k->width == 1 || k->width == 2 || k->width == 4))
		size = k->width;
	else if (k->type == CONFIG_INTEGER)
		size = 8;
	if (k->width != size)
		tell(j, "the field has %zu octets and its type wants %zu", k->width, size);
}

static void judge_flags(struct judge *j, const struct config_key *k)
{
	bool scalar = config_type_is_scalar(k->type), list = k->flags & CONFIG_LIST;
	bool entry = k->flags & CONFIG_ENTRY_NAME;
	if ((k->type == CONFIG_CHOICE) != (k->choices && k->choices[0]))
		tell(j, "choices belong to a CONFIG_CHOICE, which needs one at least");
	if (k->port && k->type != CONFIG_ENDPOINT)
		tell(j, "only an endpoint has a port");
	if ((k->flags & CONFIG_PORT_OPEN) && (k->type != CONFIG_ENDPOINT || k->port))
		tell(j, "an open port is for endpoints that have no port of their own");
	if (list && (k->type == CONFIG_DICTIONARY || k->type == CONFIG_TABLE))
		tell(j, "a dictionary or a table is a list already");
	if ((k->flags & CONFIG_UNIQUE) &&
	    (!list || !scalar || k->items_max > CONFIG_UNIQUE_MAX || k->type == CONFIG_SECRET))
		tell(j, "CONFIG_UNIQUE is for lists of at most %d scalars", CONFIG_UNIQUE_MAX);
	if (entry && (!scalar || list || k->fallback))
		tell(j, "an entry's name is one scalar without a fallback");
	if (k->fallback && ((k->flags & CONFIG_REQUIRED) || !scalar || k->type == CONFIG_SECRET))
		tell(j, "what is required, a map or a secret has no fallback");
	if (!k->fallback && !(k->flags & (CONFIG_REQUIRED | CONFIG_ENTRY_NAME)) && !list &&
	    !k->present && (k->type == CONFIG_BOOL || k->type == CONFIG_CHOICE))
		tell(j, "absent looks like the first choice: give a fallback");
	if ((k->flags & CONFIG_NARROWER) && (entry || (k->flags & CONFIG_REQUIRED)))
		tell(j, "what the section explains is neither required nor a name");
	if (!list && k->type != CONFIG_DICTIONARY && k->type != CONFIG_TABLE &&
	    (k->items_min || k->items_max))
		tell(j, "only lists and dictionaries count items");
}

static void judge_bounds(struct judge *j, const struct config_key *k)
{
	struct config_bounds b = config_key_bounds(k), field = config_field_bounds(k);
	bool fixed = k->type == CONFIG_INTEGER || k->type == CONFIG_SECRET;
	bool bounded = fixed || k->type == CONFIG_DURATION || k->type == CONFIG_SIZE ||
		       k->type == CONFIG_TEXT;
	if (!bounded && (k->min || k->max))
		tell(j, "this type has no min and max");
	if (b.min > b.max)
		tell(j, "min is above max");
	if (bounded && (b.min < field.min || (fixed && b.max > field.max)))
		tell(j, "the bounds pass what the field can hold");
}

/* Any file holds a secret here: an example names one that is not there. */
static enum err example_file(void *arg, const char *path, uint8_t *buf, size_t size,
			     size_t *ret_len)
{
	size_t n = *(const size_t *)arg;
	(void)path;
	if (n > size)
		return ERR_LIMIT;
	memset(buf, 'x', n);
	*ret_len = n;
	return OK;
}

/* Reads body as the section "example" that map describes. secret_len: of the secrets in files. */
static void judge_text(struct judge *j, const struct config_map *map, const char *body,
		       size_t secret_len)
{
	struct config *c = NULL;
	struct config_report report = {0};
	const struct config_section section = {.name = "example", .map = map};
	const struct config_sections sections = {.items = &section, .n = 1};
	char text[EXAMPLE_TEXT_MAX], faults[EXAMPLE_TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));
	write_text(&w, "example:\n  ");
	for (; *body; body++) {
		write_u8(&w, (uint8_t)*body);
		if (*body == '\n')
			write_text(&w, "  ");
	}
	const struct config_input input = {.text = writer_span(&w),
					   .file_name = "example",
					   .read_file = example_file,
					   .arg = &secret_len};
	enum err err = w.bad ? ERR_LIMIT : config_parse(&sections, &input, &c, &report);
	if (err) {
		w = writer_of(faults, sizeof(faults));
		if (report.n)
			write_format(&w, "%s; expected %s", report.errors[0].message,
				     report.errors[0].expected ? report.errors[0].expected : "-");
		write_u8(&w, 0);
		tell(j, "the example is refused: %s: %s", err_text(err), w.bad ? "" : faults);
	}
	config_report_done(&report);
	config_free(c);
}

static void judge_example(struct judge *j, const struct config_map *map, const struct config_key *k)
{
	char text[EXAMPLE_TEXT_MAX];
	struct config_key key = *k;
	key.flags &= ~(unsigned)(CONFIG_REQUIRED | CONFIG_ENTRY_NAME);
	const struct config_map alone = {
		.help = "An example", .size = map->size, .keys = &key, .keys_n = 1};
	struct writer w = writer_of(text, sizeof(text));
	write_format(&w, "%s: %s", k->name, k->example);
	write_u8(&w, 0);
	if (w.bad)
		tell(j, "the example is too long");
	else
		judge_text(j, &alone, text, (size_t)config_key_bounds(k).max);
}

/* "a, b" as config_walk_defaults reads it. */
static void judge_fallback(struct judge *j, const struct config_key *k)
{
	struct config_memory memory = {0};
	const struct config_input input = {.file_name = "example"};
	const struct config_values values = {.memory = &memory, .input = &input};
	struct span rest = span_text(k->fallback);
	void *into = config_memory_get(&memory, config_item_size(k));
	do {
		size_t n = k->flags & CONFIG_LIST ? span_find(rest, ',') : rest.len;
		struct span part = k->flags & CONFIG_LIST ? span_trim(span_sub(rest, 0, n)) : rest;
		struct config_complaint why;
		const char *copy = config_memory_text(&memory, part);
		if (!into || !copy ||
		    config_value_read(&values, k, span_of(copy, part.len), into, &why) != OK)
			tell(j, "the fallback '%s' is refused", k->fallback);
		rest = span_sub(rest, n + 1, rest.len);
	} while (rest.len);
	config_memory_done(&memory);
}

/* Rows without a word, and words that are there twice. */
static void judge_table(struct judge *j, const struct config_table *t)
{
	struct config_row row, other;
	if (!t->title || !t->row || !t->read || t->size == 0)
		tell(j, "a table has a title, rows, a reader and a struct");
	judge_help(j, t->help);
	for (size_t i = 0; t->row && t->row(i, &row); i++) {
		if (!is_word(row.name) || !row.takes)
			tell(j, "row %zu lacks its word or what it takes", i);
		for (size_t n = 0; n < i && t->row(n, &other); n++) {
			if (strcmp(row.name, other.name) == 0)
				tell(j, "the row %s is there twice", row.name);
		}
	}
}

static void judge_map(struct judge *j, const struct config_map *map, bool entries, unsigned depth);

static void judge_key(struct judge *j, const struct config_map *map, const struct config_key *k,
		      unsigned depth)
{
	size_t faults = j->faults;
	if (!is_word(k->name))
		tell(j, "a name is words of a-z and 0-9 with hyphens between");
	if ((k->type == CONFIG_MAP || k->type == CONFIG_DICTIONARY) != (k->map != NULL)) {
		tell(j, "a map or dictionary needs a map, and nothing else has one");
		return;
	}
	if ((k->type == CONFIG_TABLE) != (k->table != NULL)) {
		tell(j, "a table needs a table, and nothing else has one");
		return;
	}
	judge_help(j, k->help);
	judge_flags(j, k);
	judge_bounds(j, k);
	judge_storage(j, map, k);
	if (faults != j->faults) /* what follows would assert */
		return;
	if (k->fallback)
		judge_fallback(j, k);
	if (k->example)
		judge_example(j, map, k);
	if (k->table)
		judge_table(j, k->table);
	if (k->map && depth == DEPTH_MAX)
		tell(j, "maps are nested too deep");
	else if (k->map)
		judge_map(j, k->map, k->type == CONFIG_DICTIONARY, depth + 1);
}

/* entries: the map is a dictionary's. */
static void judge_map(struct judge *j, const struct config_map *map, bool entries, unsigned depth)
{
	size_t faults = j->faults, names = 0, path_len = strlen(j->path);
	if (map->keys_n > CONFIG_KEYS_MAX || map->size == 0)
		tell(j, "a map has a struct and at most %d keys", CONFIG_KEYS_MAX);
	if (map->line && map->line - 1 + sizeof(uint32_t) > map->size)
		tell(j, "the line's field lies outside of the map's struct");
	judge_help(j, map->help);
	for (size_t i = 0; i < map->keys_n; i++) {
		const struct config_key *k = &map->keys[i];
		(void)snprintf(j->path + path_len, sizeof(j->path) - path_len, ".%s", k->name);
		for (size_t n = 0; n < i; n++) {
			if (strcmp(map->keys[n].name, k->name) == 0)
				tell(j, "the name is there twice");
		}
		names += (k->flags & CONFIG_ENTRY_NAME) != 0;
		judge_key(j, map, k, depth);
		j->path[path_len] = '\0';
	}
	if (names > 1 || (entries && names == 0) || (!entries && names))
		tell(j, "a dictionary's map, and no other, has one CONFIG_ENTRY_NAME");
	if (map->alone && !config_key_alone(map))
		tell(j, "what stands alone is one of the keys");
	if (map->example && faults == j->faults && !entries)
		judge_text(j, map, map->example, 16);
}

enum err config_schema_check(const struct config_sections *sections, struct writer *problems)
{
	struct judge j = {.problems = problems};
	for (size_t i = 0; i < sections->n; i++) {
		(void)snprintf(j.path, sizeof(j.path), "%s", sections->items[i].name);
		if (!is_word(sections->items[i].name))
			tell(&j, "a section's name is words of a-z and 0-9 with hyphens between");
		judge_map(&j, sections->items[i].map, false, 0);
	}
	return j.faults || sections->n > CONFIG_SECTIONS_MAX ? ERR_FORMAT : OK;
}
