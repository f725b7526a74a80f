/* Maps whose keys are words of a table of the caller, and whose values the caller reads: options
 * of a protocol, `NAME: VALUE`. Knows no such table. */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include "base/err.h"
#include "base/span.h"
#include "config/complaint.h"

#include <stdbool.h>

struct config_memory;

enum { CONFIG_ENTRY_PARTS_MAX = 4096 }; /* scalars in the value of one entry */

/* A scalar of a value. Texts have a NUL behind them and none inside. */
struct config_part {
	struct span name; /* its key, where it stands in a map; else empty */
	struct span text;
};

/* A scalar (one part without a name) or a map of scalars. */
struct config_item {
	const struct config_part *parts;
	size_t parts_n;
};

/* `name: scalar`, `name: [scalar, …]`, `name: {key: scalar, …}`, `name: [{key: scalar, …}, …]`. */
struct config_entry {
	struct span name;
	const struct config_item *items; /* one when no list was written */
	size_t items_n;
	bool is_list;
};

/* Which scalar a complaint is about. */
struct config_blame {
	size_t item, part;
};

/* A word of the table, for the manual, the completion and the nearest word. */
struct config_row {
	const char *name;
	const char *takes; /* "an IPv4 address": what a value, or an item of it, is */
	bool is_list;	   /* takes several */
};

struct config_table {
	const char *title; /* of the list of all rows in the manual: "DHCP OPTIONS" */
	const char *help;  /* how values are written; as config_key.help */
	size_t size;	   /* of the struct that one entry fills */
	/* The nth row from 0; false: no more. */
	bool (*row)(size_t n, struct config_row *ret);
	/* What else a key may be: "a number from 1 to 254"; NULL: nothing. */
	const char *others;
	/* Reads one entry into zeroed storage; memory lives as long as the configuration.
	 * ERR_ABSENT: the table has no such word; ERR_FORMAT: ret_why and ret_blame say what is
	 * wrong; ENOMEM. */
	enum err (*read)(struct config_memory *memory, const struct config_entry *e, void *into,
			 struct config_complaint *ret_why, struct config_blame *ret_blame);
};

#endif
