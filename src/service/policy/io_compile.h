/* One making of the policy: of a configuration and of the lists that are kept, to the file that
 * those who obey it map. Begun in the main thread, done in the maker's.
 */
#ifndef POLICY_IO_COMPILE_H
#define POLICY_IO_COMPILE_H

#include "policy/build.h"

struct config;
struct lists;
struct policy_conf;

/* What came of it. */
struct compiled {
	enum err err;
	const char *stage; /* where it failed; "" */
	struct span lost;  /* the list whose kept text could not be read; empty: none. Borrowed */
	struct policy_counts counts[POLICY_LISTS_MAX]; /* by the list's number */
	uint64_t names, lines, twice;
	uint64_t surplus; /* lines beyond what one name may have */
	uint64_t beyond;  /* lines beyond `lines-max` */
	uint64_t octets, took_us, made_s, generation;
};

struct compile;

/* config: counted while it runs. folder: of the state. ENOMEM, or no entropy. */
MUST enum err compile_new(struct config *config, const struct policy_conf *conf,
			  const struct lists *lists, const char *folder, uint64_t generation,
			  struct compile **ret);
void compile_free(struct compile *c); /* accepts NULL */
DEFINE_AUTO(struct compile, compile_free)
/* In the maker's thread. */
void compile_work(struct compile *c);
/* When that is over. Borrowed from c. */
const struct compiled *compile_result(const struct compile *c);
/* What was taken of the list with that name; NULL: there was none. */
const struct policy_counts *compile_counts(const struct compile *c, struct span name);

#endif
