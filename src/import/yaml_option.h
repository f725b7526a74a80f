/* Options of DHCP as lines of our configuration: each value is what its option takes, or there is a
 * note of the line it came from. Knows no file's syntax. */
#ifndef IMPORT_YAML_OPTION_H
#define IMPORT_YAML_OPTION_H

#include "base/writer.h"

#include <stdbool.h>

struct import_options;
struct import_site;

/* `options:` with what is carried over, and `always:`; nothing when that is nothing. Of options
 * said twice the later counts. */
void import_yaml_options(struct import_site *s, struct writer *w, unsigned depth,
			 const struct import_options *list, bool ipv6);

#endif
