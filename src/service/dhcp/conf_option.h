/* Options in the configuration: their names and values to wire form, for maps `options`. Knows
 * nothing of who gets them. */
#ifndef DHCP_CONF_OPTION_H
#define DHCP_CONF_OPTION_H

#include "base/err.h"
#include "base/span.h"

struct config_table;

/* Of struct dhcp_option_conf: options by their names or numbers, and those of a vendor's space by
 * number. */
extern const struct config_table dhcp_option_table_conf;
extern const struct config_table dhcp_vendor_table_conf;

/* "routers" or "3": ERR_ABSENT: no such option. */
MUST enum err dhcp_option_word(struct span word, uint8_t *ret_code);

/* The name nearest to a word that is none; NULL: none is near. */
const char *dhcp_option_nearest(const char *word);

#endif
