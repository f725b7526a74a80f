/* One scalar's text to the value that its key describes. Knows no YAML and no place in a file. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/complaint.h"
#include "config/config.h"
#include "config/memory.h"
#include "config/type.h"

struct config_values {
	struct config_memory *memory;	  /* for texts and secrets */
	const struct config_input *input; /* for paths and secrets */
};

/* into: storage of config_item_size. text has a NUL behind it and none inside. ERR_FORMAT: ret_why
 * says why, and into is untouched; ENOMEM. The value of a secret is in no complaint. */
MUST enum err config_value_read(const struct config_values *v, const struct config_key *key,
				struct span text, void *into, struct config_complaint *ret_why);

#endif
