#include "config/type.h"

#include "base/writer.h"
#include "config/config.h"
#include "config/table.h"
#include "config/units.h"
#include "proto/dns/name.h"
#include "proto/ip/prefix.h"

#include <stdalign.h>

#define TEXT_MAX_DEFAULT 4096

#define STORED(type) .size = sizeof(type), .align = alignof(type)

static const struct config_type_info types[] = {
	[CONFIG_BOOL] = {.name = "switch", .phrase = "on or off", STORED(bool)},
	[CONFIG_INTEGER] = {.name = "number",
			    .phrase = "a whole number",
			    .pattern = "^(0|-?[1-9][0-9]*)$"},
	[CONFIG_DURATION] = {.name = "duration",
			     .phrase = "a duration such as 12h, 1d12h or 500ms",
			     .pattern = "^(0|([0-9]+(w|d|h|m|s|ms))+)$",
			     STORED(uint64_t)},
	[CONFIG_SIZE] = {.name = "size",
			 .phrase = "a size such as 64M, 1GiB or 4096",
			 .pattern = "^[0-9]+([KMGT](iB)?)?$",
			 STORED(uint64_t)},
	[CONFIG_ADDRESS] = {.name = "address",
			    .phrase = "an address such as 192.0.2.1 or 2001:db8::1",
			    STORED(struct ip_address)},
	[CONFIG_ENDPOINT] = {.name = "endpoint",
			     .phrase = "an endpoint such as 192.0.2.1:53 or \"[2001:db8::1]:53\"",
			     STORED(struct ip_endpoint)},
	[CONFIG_PREFIX] = {.name = "prefix",
			   .phrase = "a prefix such as 192.0.2.0/24 or 2001:db8::/32",
			   STORED(struct ip_prefix)},
	[CONFIG_RANGE] = {.name = "address range",
			  .phrase = "a range such as 192.0.2.10-192.0.2.99 or 192.0.2.0/24",
			  STORED(struct ip_range)},
	[CONFIG_PORT] = {.name = "port/protocol",
			 .phrase = "a port and its protocol such as 443/tcp or 53/udp",
			 .pattern = "^[1-9][0-9]{0,4}/(tcp|udp|sctp)$",
			 STORED(struct config_port)},
	[CONFIG_NAME] = {.name = "name",
			 .phrase = "a DNS name such as www.example.com",
			 STORED(struct dns_name)},
	[CONFIG_TEXT] = {.name = "text", .phrase = "a text", STORED(const char *)},
	[CONFIG_PATH] = {.name = "path",
			 .phrase = "a path; a relative one begins at the configuration's folder",
			 STORED(const char *)},
	[CONFIG_SECRET] = {.name = "secret",
			   .phrase = "a secret, or file:PATH of one",
			   STORED(struct span)},
	[CONFIG_CHOICE] = {.name = "choice", .phrase = "one of", STORED(int)},
	[CONFIG_MAP] = {.name = "map", .phrase = "a map of keys and values"},
	[CONFIG_TABLE] = {.name = "map of values", .phrase = "a map of names and their values"},
	[CONFIG_DICTIONARY] = {.name = "map of entries",
			       .phrase = "a map of names, each with a map of its own"},
};

const struct config_type_info *config_type_info(enum config_type type)
{
	ASSERT((size_t)type < sizeof(types) / sizeof(types[0]));
	return &types[type];
}

size_t config_item_size(const struct config_key *key)
{
	if (key->type == CONFIG_TABLE)
		return key->table->size;
	if (!config_type_is_scalar(key->type))
		return key->map->size;
	size_t size = types[key->type].size;
	return size ? size : key->flags & CONFIG_LIST ? sizeof(int64_t) : key->width;
}

/* What the field of an integer can hold. */
static struct config_bounds integer_bounds(const struct config_key *key)
{
	size_t bits = 8 * config_item_size(key);
	if (key->min < 0) {
		int64_t max = INT64_MAX >> (64 - bits);
		return (struct config_bounds){.min = -max - 1, .max = max};
	}
	return (struct config_bounds){.max = INT64_MAX >> (bits < 64 ? 63 - bits : 0)};
}

struct config_bounds config_field_bounds(const struct config_key *key)
{
	switch (key->type) {
	case CONFIG_INTEGER: return integer_bounds(key);
	case CONFIG_TEXT: return (struct config_bounds){.max = TEXT_MAX_DEFAULT};
	case CONFIG_PATH: return (struct config_bounds){.min = 1, .max = CONFIG_PATH_MAX - 1};
	case CONFIG_SECRET: return (struct config_bounds){.min = 1, .max = CONFIG_SECRET_MAX};
	default: return (struct config_bounds){.max = INT64_MAX};
	}
}

struct config_bounds config_key_bounds(const struct config_key *key)
{
	struct config_bounds b = config_field_bounds(key);
	if (key->min != 0)
		b.min = key->min;
	if (key->max != 0 || key->min < 0)
		b.max = key->max;
	return b;
}

static void write_bound(struct writer *w, const struct config_key *key, int64_t bound)
{
	char text[CONFIG_UNITS_TEXT_MAX];
	if (key->type == CONFIG_DURATION)
		write_text(w, config_duration_format((uint64_t)bound, text));
	else if (key->type == CONFIG_SIZE)
		write_text(w, config_size_format((uint64_t)bound, text));
	else
		write_format(w, "%lld", (long long)bound);
}

const char *config_key_bounds_text(const struct config_key *key, char buf[CONFIG_PHRASE_MAX])
{
	struct writer w = writer_of(buf, CONFIG_PHRASE_MAX);
	struct config_bounds b = config_key_bounds(key);
	bool octets = key->type == CONFIG_TEXT || key->type == CONFIG_SECRET;
	bool numbers = key->type == CONFIG_INTEGER || key->type == CONFIG_DURATION ||
		       key->type == CONFIG_SIZE;
	bool has_max = key->max != 0 || key->min < 0;
	if (octets && key->min > 0 && b.min == b.max)
		write_format(&w, ", of %lld octets", (long long)b.min);
	else if (octets && key->min > 0)
		write_format(&w, ", of %lld to %lld octets", (long long)b.min, (long long)b.max);
	else if (octets && has_max)
		write_format(&w, ", of at most %lld octets", (long long)b.max);
	if (numbers && (has_max || key->type == CONFIG_INTEGER)) {
		write_text(&w, ", from ");
		write_bound(&w, key, b.min);
		write_text(&w, " to ");
		write_bound(&w, key, b.max);
	} else if (numbers && key->min > 0) {
		write_text(&w, ", at least ");
		write_bound(&w, key, b.min);
	}
	write_u8(&w, 0);
	ASSERT(!w.bad);
	return buf;
}

const struct config_key *config_key_alone(const struct config_map *map)
{
	for (size_t i = 0; map->alone && i < map->keys_n; i++)
		if (strcmp(map->keys[i].name, map->alone) == 0)
			return &map->keys[i];
	return NULL;
}

const char *config_key_flow(const struct config_key *key)
{
	const char *own = key->type == CONFIG_MAP ? key->example : NULL;
	const char *shared = key->type == CONFIG_MAP ? key->map->example : NULL;
	if (own && own[0] == '{')
		return own;
	return shared && shared[0] == '{' ? shared : NULL;
}

const char *config_key_phrase(const struct config_key *key, char buf[CONFIG_PHRASE_MAX])
{
	char bounds[CONFIG_PHRASE_MAX];
	struct writer w = writer_of(buf, CONFIG_PHRASE_MAX);
	const struct config_key *alone =
		key->type == CONFIG_MAP ? config_key_alone(key->map) : NULL;
	if (alone && config_type_is_scalar(alone->type))
		write_format(&w, "%s, or ", types[alone->type].phrase);
	write_text(&w, types[key->type].phrase);
	const char *example = config_key_flow(key);
	if (example)
		write_format(&w, " such as %s", example);
	write_text(&w, config_key_bounds_text(key, bounds));
	for (size_t i = 0; key->type == CONFIG_CHOICE && key->choices[i]; i++)
		write_format(&w, "%s%s", i ? ", " : " ", key->choices[i]);
	if (w.bad || writer_left(&w) == 0)
		w.pos = CONFIG_PHRASE_MAX - 1;
	w.bad = false;
	write_u8(&w, 0);
	return buf;
}
