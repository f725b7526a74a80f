#include "base/nearest.h"
#include "base/writer.h"
#include "config/walk.h"

#define PLACES_MAX 3

/* Where else in the schema a key of this name is. */
struct search {
	struct span name;
	const struct config_map *besides; /* where it is not looked for */
	size_t places_n;		  /* found; only PLACES_MAX of them are kept */
	char places[PLACES_MAX][CONFIG_ERROR_TEXT_MAX / 4]; /* dotted paths of the maps */
	char path[CONFIG_ERROR_TEXT_MAX / 4];		    /* of the map that is looked at */
	bool secret;
};

static void search_map(struct search *s, const struct config_map *map, size_t path_len)
{
	for (size_t i = 0; i < map->keys_n; i++) {
		const struct config_key *k = &map->keys[i];
		if (map != s->besides && span_is(s->name, k->name) &&
		    !(k->flags & CONFIG_ENTRY_NAME)) {
			s->secret |= k->type == CONFIG_SECRET;
			if (s->places_n < PLACES_MAX)
				memcpy(s->places[s->places_n], s->path, path_len + 1);
			s->places_n++;
		}
		struct writer w = writer_of(s->path + path_len, sizeof(s->path) - path_len);
		write_format(&w, "%s%s", path_len ? "." : "", k->name);
		if (k->map && !w.bad)
			search_map(s, k->map, path_len + w.pos);
		s->path[path_len] = '\0';
	}
}

/* "authority or resolver.tcp" */
static void write_places(const struct search *s, struct writer *w)
{
	for (size_t i = 0; i < s->places_n && i < PLACES_MAX; i++) {
		const char *joint = i == 0 ? "" : i + 1 == s->places_n ? " or " : ", ";
		write_text(w, joint);
		write_text(w, s->places[i][0] ? s->places[i] : "the top level");
	}
	if (s->places_n > PLACES_MAX)
		write_text(w, " or elsewhere");
	write_u8(w, 0);
}

static const char *write_known(const struct config_map *map, char buf[CONFIG_ERROR_TEXT_MAX])
{
	struct writer w = writer_of(buf, CONFIG_ERROR_TEXT_MAX - 16);
	size_t told = 0;
	for (size_t i = 0; i < map->keys_n; i++) {
		size_t pos = w.pos;
		if (map->keys[i].flags & CONFIG_ENTRY_NAME)
			continue;
		write_format(&w, "%s%s",
			     told	       ? ", "
			     : map->keys_n > 1 ? "one of "
					       : "",
			     map->keys[i].name);
		if (w.bad) {
			writer_rewind(&w, pos);
			break;
		}
		told++;
	}
	w.cap = CONFIG_ERROR_TEXT_MAX;
	write_text(&w, told == 0 ? "no key" : "");
	write_u8(&w, 0);
	return buf;
}

static bool is_secret(const struct config_map *map, const char *name)
{
	for (size_t i = 0; name && i < map->keys_n; i++) {
		if (strcmp(map->keys[i].name, name) == 0)
			return map->keys[i].type == CONFIG_SECRET;
	}
	return false;
}

static void tell_elsewhere(const struct config_walk *w, const struct config_map *map,
			   const struct yaml_node *key, const struct search *s)
{
	char known[CONFIG_ERROR_TEXT_MAX];
	char places[CONFIG_ERROR_TEXT_MAX], path[CONFIG_ERROR_TEXT_MAX];
	struct writer to = writer_of(places, sizeof(places));
	write_places(s, &to);
	struct config_fault fault = {.offset = key->offset, .hide_source = s->secret};
	to = writer_of(path, sizeof(path));
	write_format(&to, "%s.%.*s", s->places[0], (int)key->text.len,
		     (const char *)key->text.data);
	write_u8(&to, 0);
	if (s->places_n == 1 && s->places[0][0])
		fault.suggestion = path;
	fault.expected = write_known(map, known);
	config_report_add(w->report, w->source, &fault,
			  "key '%.*s' does not belong here, but in %s", (int)key->text.len,
			  (const char *)key->text.data, places);
}

void config_tell_unknown(const struct config_walk *w, const struct config_map *map,
			 const struct yaml_node *key)
{
	struct config_fault fault = {.offset = key->offset};
	const char *kind = map == &w->root->map ? "section" : "key";
	if (config_walk_is_full(w)) { /* only counted: the search below takes time */
		config_report_add(w->report, w->source, &fault, "unknown %s", kind);
		return;
	}
	struct nearest near = nearest_to((const char *)key->text.data);
	for (size_t i = 0; i < map->keys_n; i++) {
		if (!(map->keys[i].flags & CONFIG_ENTRY_NAME))
			nearest_offer(&near, map->keys[i].name);
	}
	struct search s = {.name = key->text, .besides = map};
	search_map(&s, &w->root->map, 0);
	if (s.places_n && (!near.word || near.distance > 1)) {
		tell_elsewhere(w, map, key, &s);
		return;
	}
	char known[CONFIG_ERROR_TEXT_MAX];
	fault.expected = write_known(map, known);
	fault.suggestion = near.word;
	fault.hide_source = is_secret(map, near.word) || s.secret;
	config_report_add(w->report, w->source, &fault, "unknown %s '%.*s'", kind,
			  (int)(key->text.len < 200 ? key->text.len : 200),
			  (const char *)key->text.data);
}
