/* When records are due, in seconds: a hierarchical wheel whose slots are lists of the lease table,
 * so that a record pays nothing for it. Has no clock and does not know what being due means.
 *
 * A record that is due later than it was when it was added need not be moved (a renewal costs
 * nothing here): it comes up at the old time, and its owner adds it again. */
#ifndef DHCP_CALENDAR_H
#define DHCP_CALENDAR_H

#include "service/dhcp/lease_table.h"

enum { DHCP_CALENDAR_BITS = 6, DHCP_CALENDAR_SLOTS = 1 << 6, DHCP_CALENDAR_LEVELS = 6 };
enum { DHCP_CALENDAR_LISTS = DHCP_CALENDAR_LEVELS * DHCP_CALENDAR_SLOTS + 2 };

typedef uint32_t dhcp_calendar_due(const struct dhcp_record *r);

struct dhcp_calendar {
	struct dhcp_table *table; /* borrowed */
	dhcp_calendar_due *due;
	uint32_t now_s;
	uint32_t late;	    /* list: due now */
	uint32_t spreading; /* list: of a slot of a higher level, on their way down */
	uint64_t filled[DHCP_CALENDAR_LEVELS]; /* a bit for each slot that may hold something */
	uint32_t slots[DHCP_CALENDAR_LEVELS][DHCP_CALENDAR_SLOTS];
};

/* due: tells when a record that was added comes up. ENOMEM. */
MUST enum err dhcp_calendar_init(struct dhcp_calendar *c, struct dhcp_table *t, uint32_t now_s,
				 dhcp_calendar_due *due);
/* UINT32_MAX: never, and it is in no list. To take one out: dhcp_list_leave. */
void dhcp_calendar_add(struct dhcp_calendar *c, struct dhcp_record *r, uint32_t due_s);
/* The next record that is due at now_s, taken out; NULL: none, or *steps ran out (then it is 0).
 * Those of one second come in no order. */
struct dhcp_record *dhcp_calendar_take(struct dhcp_calendar *c, uint32_t now_s, unsigned *steps);
/* When to call again at the earliest; UINT32_MAX: never. */
uint32_t dhcp_calendar_next_s(const struct dhcp_calendar *c);

#endif
