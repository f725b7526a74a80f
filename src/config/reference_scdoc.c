#include "base/writer.h"
#include "config/reference.h"
#include "config/root.h"
#include "config/table.h"
#include "config/type.h"

static const char description[] =
	"*gatehouse* reads one file for all its services. Each section of the file configures one "
	"service; a service whose section is absent does not run, and an empty section asks for "
	"its defaults. The section *global* is for all services.\n\n"
	"The file is YAML 1.2: UTF-8, one document, at most 16 MiB. Anchors, aliases, tags and "
	"directives are refused, and so are unknown keys and keys that are there twice. A value is "
	"read as its key wants it: *on* is a switch in one place and a word in another. Quotes are "
	"needed where YAML would see something else, as in *\"[::1]:53\"*.\n\n"
	"*gatehouse check* _FILE_ tells all errors of a file at once, each with its line and "
	"column. A running service reads the file again on SIGHUP; one with errors changes "
	"nothing.\n\n"
	"Where a list is wanted, one value alone is a list of one.\n";

static const struct {
	enum config_type type;
	const char *text;
} values[] = {
	{CONFIG_BOOL, "*on* or *off*; also *yes*, *no*, *true*, *false*."},
	{CONFIG_INTEGER, "A whole decimal number, such as *4*."},
	{CONFIG_DURATION, "Numbers with their units, the larger first: *w*, *d*, *h*, *m*, *s*, "
			  "*ms*, as in *12h*, *1d12h* or *500ms*. A bare *0* needs none."},
	{CONFIG_SIZE, "Octets: *4096*, or with *K*, *M*, *G*, *T* (*KiB*, *MiB*, *GiB*, *TiB*), "
		      "which are powers of 1024."},
	{CONFIG_ADDRESS, "IPv4 or IPv6, such as *192.0.2.1* or *2001:db8::1*."},
	{CONFIG_ENDPOINT, "An address and a port, such as *192.0.2.1:53* or "
			  "*\"[2001:db8::1]:53\"*. The address alone takes the key's own port "
			  "where there is one."},
	{CONFIG_PREFIX, "An address and a length, such as *192.0.2.0/24*; an address alone is "
			"itself only."},
	{CONFIG_RANGE, "The first and the last address, such as *192.0.2.10-192.0.2.99*; a prefix; "
		       "or one address."},
	{CONFIG_PORT, "Such as *443/tcp*, *53/udp* or *5060/sctp*."},
	{CONFIG_NAME, "A DNS name, such as *www.example.com*, with or without the last dot. "
		      "International names are written in their *xn--* form."},
	{CONFIG_TEXT, "Any text; in quotes where it holds what YAML would read."},
	{CONFIG_PATH, "A file or directory. A relative path begins at the directory of the "
		      "configuration file."},
	{CONFIG_SECRET, "The secret itself, or *file:*_PATH_ of a file that holds it; a line end "
			"at its end does not belong to it."},
	{CONFIG_CHOICE, "One of the words that the key lists."},
	{CONFIG_TABLE, "Words of a list that the key names, each with its value."},
	{CONFIG_DICTIONARY, "Names of your choice, each with a map of keys of its own."},
};

/* What scdoc would take for markup is escaped. */
static void write_escaped(struct writer *w, const char *text)
{
	for (; *text; text++) {
		if (strchr("*_\\#<>[]|`~", *text))
			write_u8(w, '\\');
		write_u8(w, (uint8_t)*text);
	}
}

/* A help text as sentences, its `words` bold. */
static void write_prose(struct writer *w, const char *text)
{
	char letter[2] = {*text, '\0'};
	if (letter[0] >= 'a' && letter[0] <= 'z')
		letter[0] = (char)(letter[0] - 'a' + 'A');
	if (letter[0] != '`' && letter[0])
		write_escaped(w, letter);
	for (text += letter[0] != '`' && letter[0]; *text; text++) {
		char c[2] = {*text, '\0'};
		if (c[0] == '`')
			write_u8(w, '*');
		else
			write_escaped(w, c);
	}
	write_u8(w, '.');
}

/* Between asterisks. */
static void write_bold(struct writer *w, const char *text)
{
	write_u8(w, '*');
	write_escaped(w, text);
	write_u8(w, '*');
}

static void write_type(struct writer *w, const struct config_key *key)
{
	char bounds[CONFIG_PHRASE_MAX];
	bool list = key->flags & CONFIG_LIST;
	if (key->type == CONFIG_CHOICE) {
		write_text(w, list ? "list of " : "");
		for (size_t i = 0; key->choices[i]; i++) {
			write_text(w, i ? " | " : "");
			write_bold(w, key->choices[i]);
		}
	} else {
		write_format(w, "_%s%s_", list ? "list of " : "",
			     config_type_info(key->type)->name);
		write_text(w, config_key_bounds_text(key, bounds));
	}
	if (key->port)
		write_format(w, ", port %u", key->port);
}

static void write_key(struct writer *w, const char *path, const struct config_key *key)
{
	write_bold(w, path);
	write_text(w, ": ");
	write_type(w, key);
	write_text(w, "\n\t");
	write_prose(w, key->help);
	if (key->flags & CONFIG_REQUIRED)
		write_text(w, " Required.");
	if (key->fallback) {
		write_text(w, " Default: ");
		write_bold(w, key->fallback[0] ? key->fallback : "\"\"");
		write_u8(w, '.');
	}
	if (key->example) {
		write_text(w, " Example: ");
		write_bold(w, key->example);
		write_u8(w, '.');
	}
	if (key->table)
		write_format(w, " Its words are in the list *%s* below.", key->table->title);
	if (key->map && key->map->alone) {
		write_text(w, " A value in place of the map is its ");
		write_bold(w, key->map->alone);
		write_u8(w, '.');
	}
	if (key->type == CONFIG_DICTIONARY) {
		for (size_t i = 0; i < key->map->keys_n; i++) {
			if (key->map->keys[i].flags & CONFIG_ENTRY_NAME) {
				write_text(w, " Each name: ");
				write_prose(w, key->map->keys[i].help);
			}
		}
	}
	write_text(w, "\n\n");
}

/* Those with CONFIG_NARROWER, together. */
static void write_narrower(struct writer *w, const struct config_map *map, struct writer *path)
{
	size_t told = 0, pos = path->pos;
	for (size_t i = 0; i < map->keys_n; i++) {
		const struct config_key *k = &map->keys[i];
		if (!(k->flags & CONFIG_NARROWER))
			continue;
		write_text(w, told++ ? ", " : "");
		write_format(path, "%s%s%c", pos ? "." : "", k->name, 0);
		ASSERT(!path->bad);
		write_bold(w, told == 1 ? (const char *)path->data : k->name);
		path->pos = pos;
	}
	if (told)
		write_text(w,
			   "\n\tThe keys of these names of the section, for this place alone.\n\n");
}

static void write_keys(struct writer *w, const struct config_map *map, struct writer *path)
{
	for (size_t i = 0; i < map->keys_n; i++) {
		const struct config_key *k = &map->keys[i];
		size_t pos = path->pos;
		if (k->flags & (CONFIG_ENTRY_NAME | CONFIG_NARROWER))
			continue;
		write_format(path, "%s%s", pos ? "." : "", k->name);
		if (k->type == CONFIG_DICTIONARY)
			write_text(path, ".NAME");
		write_u8(path, 0);
		ASSERT(!path->bad); /* config_schema_check bounds depth and names */
		write_key(w, (const char *)path->data, k);
		path->pos--;
		if (k->map)
			write_keys(w, k->map, path);
		path->pos = pos;
	}
	write_narrower(w, map, path);
}

static void write_tables(struct writer *w, const struct config_map *map)
{
	const struct config_table *tables[CONFIG_TABLES_MAX];
	size_t n = config_tables(map, tables);
	struct config_row row;
	for (size_t i = 0; i < n; i++) {
		write_format(w, "# %s\n\n", tables[i]->title);
		write_prose(w, tables[i]->help);
		write_text(w, "\n\n");
		for (size_t r = 0; tables[i]->row(r, &row); r++) {
			write_text(w, r ? "++\n" : ""); /* scdoc: never before an empty line */
			write_bold(w, row.name);
			write_text(w, ": ");
			write_escaped(w, row.takes);
			write_text(w, row.is_list ? ", or a list of such" : "");
		}
		write_text(w, "\n");
		if (tables[i]->others) {
			write_text(w, "\nBesides these: ");
			write_escaped(w, tables[i]->others);
			write_text(w, ".\n");
		}
		write_text(w, "\n");
	}
}

static void write_example(struct writer *w, const char *name, const char *body)
{
	write_format(w, "Example:\n\n```\n%s:\n  ", name);
	for (; *body; body++) {
		write_u8(w, (uint8_t)*body);
		if (*body == '\n')
			write_text(w, "  ");
	}
	write_text(w, "\n```\n\n");
}

void config_reference_scdoc(const struct config_sections *sections, const char *program_version,
			    struct writer *w)
{
	struct config_root root;
	char path_text[2048];
	config_root_init(&root, sections);
	write_format(w, "gatehouse.yaml(5) \"gatehouse %s\" \"Configuration of gatehouse\"\n\n",
		     program_version);
	write_text(w,
		   "# NAME\n\ngatehouse.yaml - configuration of the network services of a site\n\n"
		   "# DESCRIPTION\n\n");
	write_text(w, description);
	write_text(w, "\n# VALUES\n\n");
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		write_format(w, "_%s_\n\t%s\n\n", config_type_info(values[i].type)->name,
			     values[i].text);
	for (size_t i = 0; i < root.map.keys_n; i++) {
		const struct config_key *section = &root.keys[i];
		struct writer path = writer_of(path_text, sizeof(path_text));
		write_text(w, "# SECTION ");
		for (const char *c = section->name; *c; c++)
			write_u8(w, (uint8_t)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c));
		write_text(w, "\n\n");
		write_prose(w, section->map->help);
		write_text(w, "\n\n");
		write_keys(w, section->map, &path);
		if (section->map->example)
			write_example(w, section->name, section->map->example);
	}
	write_tables(w, &root.map);
	write_text(w, "# SEE ALSO\n\n*gatehouse*(1), *gatehouse-check*(1)\n");
}
