/* Options of DHCPv6 in the configuration: their words and values. Knows nothing of where they are
 * written. */
#ifndef DHCP_CONF6_OPTION_H
#define DHCP_CONF6_OPTION_H

#include "config/table.h"

/* For keys of type CONFIG_TABLE: entries are struct v6_option_conf. */
extern const struct config_table v6_option_table_conf;

/* A name, or a number from 1 to 65535. ERR_ABSENT. */
MUST enum err v6_option_word(struct span word, uint16_t *ret_code);
/* The nearest name; NULL: none is near. */
const char *v6_option_nearest(const char *word);

#endif
