/* Memory that lives exactly as long as one configuration and is wiped at its end, since a secret
 * may lie anywhere in it. Knows no configuration. */
#ifndef CONFIG_MEMORY_H
#define CONFIG_MEMORY_H

#include "base/err.h"
#include "base/span.h"

struct config_block;

/* Begins with zeros. */
struct config_memory {
	struct config_block *blocks;
};

/* Zeroed, aligned for any type; NULL: none left. size > 0. */
void *config_memory_get(struct config_memory *m, size_t size);

/* A copy with a NUL behind it. */
char *config_memory_text(struct config_memory *m, struct span text);

/* Wipes and frees all. */
void config_memory_done(struct config_memory *m);

#endif
