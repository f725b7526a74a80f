#include "base/writer.h"
#include "config/json.h"
#include "config/reference.h"
#include "config/root.h"
#include "config/table.h"
#include "config/type.h"

static void write_map(struct writer *w, const struct config_map *map, bool nullable);

static void write_choices(struct writer *w, const char *const *choices)
{
	write_text(w, "\"enum\": [");
	for (size_t i = 0; choices[i]; i++) {
		write_text(w, i ? ", " : "");
		config_json_text(w, choices[i]);
	}
	write_u8(w, ']');
}

/* The members of the schema of one value. A value is its text to us and may look like a number or
 * a boolean to an editor's YAML, so those are allowed where the text could be one. */
static void write_scalar(struct writer *w, const struct config_key *key)
{
	static const char *const switches[] = {"on", "off", "yes", "no", "true", "false", NULL};
	const char *pattern = config_type_info(key->type)->pattern;
	struct config_bounds b = config_key_bounds(key);
	switch (key->type) {
	case CONFIG_BOOL:
		write_text(w, "\"anyOf\": [{\"type\": \"boolean\"}, {");
		write_choices(w, switches);
		write_text(w, "}]");
		break;
	case CONFIG_INTEGER:
		write_format(w, "\"type\": \"integer\", \"minimum\": %lld, \"maximum\": %lld",
			     (long long)b.min, (long long)b.max);
		break;
	case CONFIG_DURATION:
	case CONFIG_SIZE:
		write_format(w, "\"anyOf\": [{\"type\": \"integer\", \"minimum\": 0%s}, ",
			     key->type == CONFIG_DURATION ? ", \"maximum\": 0" : "");
		write_text(w, "{\"type\": \"string\", \"pattern\": ");
		config_json_text(w, pattern);
		write_text(w, "}]");
		break;
	case CONFIG_CHOICE: write_choices(w, key->choices); break;
	case CONFIG_TEXT:
	case CONFIG_SECRET:
		write_text(w, "\"type\": [\"string\", \"number\", \"boolean\"]");
		if (key->type == CONFIG_TEXT) /* a secret's octets may be in a file */
			write_format(w, ", \"minLength\": %d", b.min > 0);
		break;
	default:
		write_text(w, "\"type\": \"string\"");
		if (pattern) {
			write_text(w, ", \"pattern\": ");
			config_json_text(w, pattern);
		}
		break;
	}
}

/* "dhcp-options" for DHCP OPTIONS. */
static void write_table_name(struct writer *w, const struct config_table *table)
{
	for (const char *c = table->title; *c; c++)
		write_u8(w, (uint8_t)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a'
				      : *c == ' '	     ? '-'
							     : *c));
}

/* A value is read by the table itself: here it may be whatever a table can read. */
static void write_table(struct writer *w, const struct config_table *table)
{
	static const char value[] =
		"\"anyOf\": [{\"$ref\": \"#/$defs/part\"}, {\"type\": \"array\", \"items\": "
		"{\"$ref\": \"#/$defs/part\"}}]";
	struct config_row row;
	char takes[CONFIG_PHRASE_MAX];
	write_text(w, "{\"description\": ");
	config_json_text(w, table->help);
	write_format(w,
		     ", \"type\": \"object\", \"additionalProperties\": %s%s%s, \"properties\": {",
		     table->others ? "{" : "false", table->others ? value : "",
		     table->others ? "}" : "");
	for (size_t i = 0; table->row(i, &row); i++) {
		write_text(w, i ? ", " : "");
		config_json_text(w, row.name);
		write_text(w, ": {\"description\": ");
		struct writer text = writer_of(takes, sizeof(takes));
		write_format(&text, "%s%s", row.takes, row.is_list ? ", or a list of such" : "");
		config_json_string(w, writer_span(&text));
		write_format(w, ", %s}", value);
	}
	write_text(w, "}}");
}

static void write_tables(struct writer *w, const struct config_map *map)
{
	const struct config_table *tables[CONFIG_TABLES_MAX];
	size_t n = config_tables(map, tables);
	if (n == 0)
		return;
	write_text(w, ", \"$defs\": {\"part\": {\"type\": [\"string\", \"number\", \"boolean\", "
		      "\"object\"]}");
	for (size_t i = 0; i < n; i++) {
		write_text(w, ", \"");
		write_table_name(w, tables[i]);
		write_text(w, "\": ");
		write_table(w, tables[i]);
	}
	write_u8(w, '}');
}

static void write_list(struct writer *w, const struct config_key *key);

static void write_one(struct writer *w, const struct config_key *key);

/* The map, or what may stand in its place. */
static void write_map_or_alone(struct writer *w, const struct config_map *map)
{
	const struct config_key *alone = config_key_alone(map);
	if (!alone) {
		write_map(w, map, true);
		return;
	}
	write_text(w, "\"anyOf\": [{");
	write_map(w, map, true);
	write_text(w, "}, ");
	if (alone->flags & CONFIG_LIST)
		write_list(w, alone);
	else
		write_one(w, alone);
	write_u8(w, ']');
}

static void write_one(struct writer *w, const struct config_key *key)
{
	write_u8(w, '{');
	if (key->type == CONFIG_MAP) {
		write_map_or_alone(w, key->map);
	} else if (key->type == CONFIG_DICTIONARY) {
		write_text(w, "\"type\": \"object\", \"additionalProperties\": {");
		write_map_or_alone(w, key->map);
		write_format(w, "}, \"minProperties\": %zu", key->items_min);
	} else if (key->type == CONFIG_TABLE) {
		write_text(w, "\"$ref\": \"#/$defs/");
		write_table_name(w, key->table);
		write_u8(w, '"');
	} else {
		write_scalar(w, key);
	}
	write_u8(w, '}');
}

static void write_list(struct writer *w, const struct config_key *key)
{
	write_text(w, "{\"anyOf\": [");
	write_one(w, key);
	write_text(w, ", {\"type\": \"array\", \"items\": ");
	write_one(w, key);
	write_format(w, ", \"minItems\": %zu", key->items_min);
	if (key->items_max)
		write_format(w, ", \"maxItems\": %zu", key->items_max);
	if (key->flags & CONFIG_UNIQUE)
		write_text(w, ", \"uniqueItems\": true");
	write_text(w, "}]}");
}

static void write_property(struct writer *w, const struct config_key *key)
{
	config_json_text(w, key->name);
	write_text(w, ": {\"description\": ");
	config_json_text(w, key->help);
	if (key->fallback) {
		write_text(w, ", \"default\": ");
		config_json_text(w, key->fallback);
	}
	write_text(w, ", \"allOf\": [");
	if (key->flags & CONFIG_LIST)
		write_list(w, key);
	else
		write_one(w, key);
	write_text(w, "]}");
}

/* The members of the schema of a map. nullable: without required keys it may be left empty. */
static void write_map(struct writer *w, const struct config_map *map, bool nullable)
{
	size_t required = 0, written = 0;
	for (size_t i = 0; i < map->keys_n; i++)
		required += (map->keys[i].flags & CONFIG_REQUIRED) != 0;
	write_text(w, nullable && !required ? "\"type\": [\"object\", \"null\"]"
					    : "\"type\": \"object\"");
	write_text(w, ", \"additionalProperties\": false, \"properties\": {");
	for (size_t i = 0; i < map->keys_n; i++) {
		if (map->keys[i].flags & CONFIG_ENTRY_NAME)
			continue;
		write_text(w, written++ ? ", " : "");
		write_property(w, &map->keys[i]);
	}
	write_text(w, "}, \"required\": [");
	written = 0;
	for (size_t i = 0; i < map->keys_n; i++) {
		if (!(map->keys[i].flags & CONFIG_REQUIRED) ||
		    (map->keys[i].flags & CONFIG_ENTRY_NAME))
			continue;
		write_text(w, written++ ? ", " : "");
		config_json_text(w, map->keys[i].name);
	}
	write_u8(w, ']');
}

void config_json_schema(const struct config_sections *sections, struct writer *w)
{
	struct config_root root;
	config_root_init(&root, sections);
	write_text(w, "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\", "
		      "\"title\": \"gatehouse.yaml\", ");
	write_map(w, &root.map, false);
	write_tables(w, &root.map);
	write_text(w, "}\n");
}
