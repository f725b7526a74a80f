/* Whom an address belongs to, of what three tables of devices say: leases, peers of tunnels,
 * neighbours. Knows neither who wrote them nor what groups are.
 *
 * WHAT IT IS WORTH. A tunnel's peer has proved its key, and a packet of its address comes from it.
 * A lease and a neighbour's hardware address are what a device says of itself on its link: whoever
 * is on that link can say the same. What is kept out is the mistake, and the simple trick: an
 * address whose neighbour is not who leased it is not its lease's, and whoever has it next inherits
 * nothing. */
#ifndef POLICY_IDENTITY_H
#define POLICY_IDENTITY_H

#include "policy/device.h"
#include "policy/policy.h"

/* Each may be without words: it is not there. */
struct policy_tables {
	struct policy_devices leases, peers, neighbours;
};

struct policy_identity {
	struct policy_client client; /* its texts lie in here: do not copy */
	uint64_t until_s;	     /* ask again then, and when policy_tables_changes is another */
	bool differs;	   /* its neighbour is not who leased it: the lease was left out */
	bool is_neighbour; /* the hardware address is the neighbour's word */
	uint8_t duid_len;
	uint8_t duid[POLICY_DEVICE_DUID_MAX];
	char lease[POLICY_DEVICE_TEXT_MAX + 1], peer[POLICY_DEVICE_TEXT_MAX + 1],
		user[POLICY_DEVICE_TEXT_MAX + 1];
};

/* tables may be NULL: nothing but the address is known. */
void policy_identify(const struct policy_tables *tables, const struct ip_address *address,
		     uint64_t now_s, struct policy_identity *ret);

/* Asked ahead of policy_identify, and compared. */
uint64_t policy_tables_changes(const struct policy_tables *tables);

#endif
