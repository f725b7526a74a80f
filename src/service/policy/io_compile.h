/* One making of the policy: of a configuration and of the lists that are kept, to the file that
 * those who obey it map. Begun in the main thread, done in the maker's.
 */
#ifndef POLICY_IO_COMPILE_H
#define POLICY_IO_COMPILE_H

#include "policy/build.h"

struct config;
struct lists;
struct policy_conf;
struct policy_held;

/* What is in a policy of a list that comes from elsewhere. */
enum compiled_list {
	COMPILED_NOTHING, /* it was never had */
	COMPILED_TEXT,	  /* what is kept of it */
	COMPILED_CARRIED, /* nothing is kept, and the policy before had rules of it: those */
};

/* What came of it. */
struct compiled {
	enum err err;
	const char *stage; /* where it failed; "" */
	/* By the list's number. */
	struct policy_counts counts[POLICY_LISTS_MAX];
	enum compiled_list lists[POLICY_LISTS_MAX];
	bool lost[POLICY_LISTS_MAX]; /* what is kept of it could not be read */
	uint64_t names, lines, twice;
	uint64_t surplus; /* lines beyond what one name may have */
	uint64_t beyond;  /* lines beyond `lines-max` */
	uint64_t octets, took_us, made_s, generation;
};

struct compile;

struct compile_order {
	struct config *config;		/* counted while it runs */
	const struct policy_conf *conf; /* in it */
	const struct lists *lists;
	const char *folder;	    /* of the state */
	struct policy_held *before; /* in force until then, counted while it runs; NULL: none */
	uint64_t generation;
};

/* ENOMEM, or no entropy. */
MUST enum err compile_new(const struct compile_order *o, struct compile **ret);
void compile_free(struct compile *c); /* accepts NULL */
DEFINE_AUTO(struct compile, compile_free)
/* In the maker's thread. */
void compile_work(struct compile *c);
/* When that is over. Borrowed from c. */
const struct compiled *compile_result(const struct compile *c);
/* The number of the list with that name; POLICY_LISTS_MAX: there was none. */
size_t compile_find(const struct compile *c, struct span name);
/* The name of a list by its number; empty beyond the last. Borrowed from c. */
struct span compile_name(const struct compile *c, size_t list);

#endif
