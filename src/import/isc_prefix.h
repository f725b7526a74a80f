/* Ranges of prefixes that dhcpd.conf delegates, as pools that are one prefix each. Knows no
 * statement. */
#ifndef IMPORT_ISC_PREFIX_H
#define IMPORT_ISC_PREFIX_H

#include "import/site.h"
#include "proto/ip/prefix.h"

/* Gives n the pools of all prefixes of `bits`, 1 to 64, from that of range->first to that of
 * range->last, both of IPv6: as few as there can be, none when last is the lower. */
void isc_prefixes_add(struct import_site *s, struct import_network *n, const struct ip_range *range,
		      unsigned bits, uint32_t line);

#endif
