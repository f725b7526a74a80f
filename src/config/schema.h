/* The shape of a configuration as constant tables: from them come the reading, the errors, the
 * reference manual, the JSON Schema and the completion. Knows no service and no YAML.
 *
 *	struct tcp_conf { uint32_t clients; uint64_t idle_ms; };
 *	struct resolver_conf {
 *		struct config_list listen;	of struct ip_endpoint
 *		uint64_t cache_size;
 *		struct tcp_conf tcp;
 *	};
 *	static const struct config_key tcp_keys[] = {
 *		{.name = "clients", .type = CONFIG_INTEGER, CONFIG_FIELD(struct tcp_conf, clients),
 *		 .help = "connections at once", .fallback = "256", .min = 1, .max = 65536},
 *		{.name = "idle", .type = CONFIG_DURATION, CONFIG_FIELD(struct tcp_conf, idle_ms),
 *		 .help = "close a silent connection after this", .fallback = "10s"},
 *	};
 *	static const struct config_map tcp_map = {
 *		.help = "TCP clients", .size = sizeof(struct tcp_conf), CONFIG_KEYS(tcp_keys)};
 *	static const struct config_key resolver_keys[] = {
 *		{.name = "listen", .type = CONFIG_ENDPOINT, .flags = CONFIG_LIST,
 *		 CONFIG_FIELD(struct resolver_conf, listen), .port = 53, .fallback = "127.0.0.1",
 *		 .help = "addresses to serve on"},
 *		{.name = "tcp", .type = CONFIG_MAP, .map = &tcp_map,
 *		 CONFIG_FIELD(struct resolver_conf, tcp), .help = "TCP clients"},
 *	};
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include "base/err.h"
#include "base/span.h"

struct config_at;
struct config_map;
struct config_table;
struct writer;

/* What a value is, and in brackets what is stored in the field. Without a fallback an absent key
 * leaves the field all zeros: NULL, an empty list, a name of length 0, an address without a
 * family. */
enum config_type {
	CONFIG_BOOL,	 /* on, off, yes, no, true, false [bool] */
	CONFIG_INTEGER,	 /* decimal [signed or unsigned of 1, 2, 4 or 8 bytes; in a list int64_t] */
	CONFIG_DURATION, /* 12h, 1d12h, 500ms, a bare 0; w d h m s ms [uint64_t, milliseconds] */
	CONFIG_SIZE,	 /* 64M, 1GiB, 4096; powers of 1024 [uint64_t, bytes] */
	CONFIG_ADDRESS,	 /* IPv4 or IPv6 [struct ip_address] */
	CONFIG_ENDPOINT, /* ADDRESS:PORT, [ADDRESS]:PORT; see .port [struct ip_endpoint] */
	CONFIG_PREFIX,	 /* ADDRESS/LENGTH, or an address for itself alone [struct ip_prefix] */
	CONFIG_RANGE,	 /* ADDRESS-ADDRESS, PREFIX or ADDRESS [struct ip_range] */
	CONFIG_PORT,	 /* 443/tcp [struct config_port] */
	CONFIG_NAME,	 /* a DNS name, absolute with or without the last dot [struct dns_name] */
	CONFIG_TEXT,	 /* without NUL; min, max count octets, max 0 is 4096 [const char *] */
	CONFIG_PATH,	 /* relative ones begin at the folder of the file [const char *] */
	CONFIG_SECRET,	 /* the value itself, or file:PATH [struct span; wiped by config_free] */
	CONFIG_CHOICE,	 /* one word of .choices [int or an enum: its place there, from 0] */
	CONFIG_MAP,	 /* keys of .map [that struct, in place] */
	/* Entries that the user names, each with keys of .map [struct config_list of that struct].
	 * The name goes to the key of .map that has the flag CONFIG_ENTRY_NAME. */
	CONFIG_DICTIONARY,
	/* Entries whose keys are words of .table, which reads their values itself [struct
	 * config_list of the table's struct]. */
	CONFIG_TABLE,
};

enum config_flag {
	CONFIG_REQUIRED = 1 << 0, /* must be written where its map is written */
	/* A list of the type [struct config_list]; one scalar or map stands for a list of one. Not
	 * for CONFIG_DICTIONARY and CONFIG_TABLE. */
	CONFIG_LIST = 1 << 1,
	/* In the map of a dictionary: takes the entry's name and is not written as a key. A scalar.
	 */
	CONFIG_ENTRY_NAME = 1 << 2,
	CONFIG_UNIQUE = 1 << 3, /* with CONFIG_LIST of a scalar: no item may be there twice */
	/* Means what the section's own key of this name means, for a narrower place: the manual
	 * names it and explains it there only. */
	CONFIG_NARROWER = 1 << 4,
	/* Of an endpoint: the port may be left out and is 0 then; what it means is the caller's. */
	CONFIG_PORT_OPEN = 1 << 5,
};

/* Allocated with the configuration, freed by config_free. */
struct config_list {
	void *items; /* n of the type's struct; NULL when n is 0 */
	size_t n;
};

struct config_port {
	uint16_t port;	  /* 1..65535 */
	uint8_t protocol; /* 6 TCP, 17 UDP, 132 SCTP: the numbers of IANA */
};

struct config_key {
	const char *name; /* lower case words with hyphens */
	enum config_type type;
	unsigned flags;	      /* enum config_flag */
	size_t offset, width; /* by CONFIG_FIELD; width is checked against the type */
	size_t present;	      /* by CONFIG_PRESENT: a bool that tells that the key was written */
	/* For the manual, without the final dot: what it does, not its type. Words of the file
	 * stand in `backquotes`. */
	const char *help;
	/* The value when the key is absent, as it would be written; items of a list are separated
	 * by commas. NULL: none. Not for maps: their keys have their own. */
	const char *fallback;
	/* A value for the manual, as written in YAML; NULL: the fallback. */
	const char *example;
	/* Both ends belong to the range; both 0: all that the field can hold; max 0 with min > 0:
	 * no upper bound. INTEGER: the number, DURATION: ms, SIZE, TEXT and SECRET: octets. An
	 * integer field is taken as unsigned when min >= 0. */
	int64_t min, max;
	/* With CONFIG_LIST, CONFIG_DICTIONARY and CONFIG_TABLE; items_max 0: CONFIG_ITEMS_MAX. */
	size_t items_min, items_max;
	uint16_t port;		      /* ENDPOINT: where none is written; 0: it must be written */
	const char *const *choices;   /* CHOICE: ends with NULL */
	const struct config_map *map; /* MAP, DICTIONARY */
	const struct config_table *table; /* TABLE: config/table.h */
};

#define CONFIG_ITEMS_MAX 65536

#define CONFIG_FIELD(structure, member)                                                            \
	.offset = offsetof(structure, member), .width = sizeof(((structure *)0)->member)
#define CONFIG_PRESENT(structure, member) .present = offsetof(structure, member) + 1
#define CONFIG_LINE(structure, member)	  .line = offsetof(structure, member) + 1

struct config_map {
	const char *help; /* for the manual, without the final dot */
	size_t size;	  /* of the struct that is filled */
	const struct config_key *keys;
	size_t keys_n;
	/* Judges the keys together; runs when each alone was right. Tells by config_fail. NULL:
	 * nothing to judge. */
	void (*check)(const void *conf, struct config_at *at);
	const char *example; /* for the manual: the map in YAML, indented from column 1; or NULL */
	size_t line; /* by CONFIG_LINE: a uint32_t that takes the line where the map begins */
	/* One of keys, for which a value stands that is written in place of the map: `web: VALUE`
	 * is `web: {KEY: VALUE}`. A scalar or, where that key takes one, a list. NULL: none. */
	const char *alone;
};

#define CONFIG_KEYS(table) .keys = (table), .keys_n = sizeof(table) / sizeof((table)[0])

/* For config_map.check: an error at the value of `key` in this map, or at the map's start when the
 * key is absent or NULL. The text says what is wrong and what to write instead. */
__attribute__((format(printf, 3, 4))) void config_fail(struct config_at *at, const char *key,
						       const char *format, ...);
/* The same at item `item` (from 0) of a list, a dictionary or a table. */
__attribute__((format(printf, 4, 5))) void config_fail_item(struct config_at *at, const char *key,
							    size_t item, const char *format, ...);

/* The same somewhere inside: at steps[0].key of this map, of its item steps[0].item, at
 * steps[1].key of that map, and so on. item of a scalar or map that stands for a list of one: 0;
 * CONFIG_STEP_WHOLE: the value itself. What is not written is told at what encloses it. */
struct config_step {
	const char *key;
	size_t item;
};
#define CONFIG_STEP_WHOLE SIZE_MAX
__attribute__((format(printf, 4, 5))) void config_fail_inside(struct config_at *at,
							      const struct config_step *steps,
							      size_t steps_n, const char *format,
							      ...);

/* The word that was probably meant, for the next of these errors only; NULL: none is near. */
void config_meant(struct config_at *at, const char *word);

/* A top-level key of the file. */
struct config_section {
	const char *name;
	const struct config_map *map;
};

/* All sections a file may have; "global" is always there besides and is not listed. */
struct config_sections {
	const struct config_section *items; /* borrowed */
	size_t n;			    /* at most CONFIG_SECTIONS_MAX */
};

#define CONFIG_SECTIONS_MAX 32

/* For unit tests of the tables: ERR_FORMAT when one contradicts itself (a width that does not fit
 * the type, a default or an example that does not parse, a key without help, …), and one line for
 * each fault into problems. */
MUST enum err config_schema_check(const struct config_sections *sections, struct writer *problems);

#endif
