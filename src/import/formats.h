/* The configurations of other address servers, read into an import_site. Opens no file: includes
 * are noted, not followed. */
#ifndef IMPORT_FORMATS_H
#define IMPORT_FORMATS_H

#include "base/err.h"
#include "base/span.h"

struct import_site;

/* Each reads the whole text and never refuses a line silently: what has no counterpart becomes a
 * note. ERR_FORMAT: the text is not of that format at all; the last note says where and why.
 * ENOMEM. At most IMPORT_FILE_MAX octets (ERR_LIMIT). */
MUST enum err import_dnsmasq(struct span text, struct import_site *s);
MUST enum err import_isc_dhcpd(struct span text, struct import_site *s);
MUST enum err import_kea(struct span text, struct import_site *s);

#endif
