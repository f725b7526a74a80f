/* What each type of value is called, looks like and is stored in. Reads no value. */
#ifndef CONFIG_TYPE_H
#define CONFIG_TYPE_H

#include "config/complaint.h"
#include "config/schema.h"

struct config_type_info {
	const char *name;    /* one word or two, for the manual */
	const char *phrase;  /* "a duration such as 12h, …", for errors */
	const char *pattern; /* of JSON Schema for its text; NULL: any text */
	size_t size;	     /* of what is stored; 0: depends on the key */
	size_t align;
};

const struct config_type_info *config_type_info(enum config_type type);

static inline bool config_type_is_scalar(enum config_type type)
{
	return type != CONFIG_MAP && type != CONFIG_DICTIONARY && type != CONFIG_TABLE;
}

/* Of one value of the key: of an item where it is a list. */
size_t config_item_size(const struct config_key *key);

/* The bounds in force for a key that has numbers or lengths. */
struct config_bounds {
	int64_t min, max;
};
struct config_bounds config_key_bounds(const struct config_key *key);
/* What there is without the key's own min and max; min < 0 asks for a sign. */
struct config_bounds config_field_bounds(const struct config_key *key);

/* The key that a value in place of the map stands for; NULL: the map has none. */
const struct config_key *config_key_alone(const struct config_map *map);

/* How a map is written on one line, by its examples; NULL: none says so, or it is no map. */
const char *config_key_flow(const struct config_key *key);

/* What one value of the key must be: "a duration such as 12h, from 1s to 1d", "one of on, off".
 * Returns buf. */
const char *config_key_phrase(const struct config_key *key, char buf[CONFIG_PHRASE_MAX]);

/* ", from 1s to 1d", ", of at most 64 octets"; empty without bounds. Returns buf. */
const char *config_key_bounds_text(const struct config_key *key, char buf[CONFIG_PHRASE_MAX]);

#endif
