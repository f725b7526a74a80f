/* Traffic and flows by host: what its ended flows have left in its record, and what those have
 * that are there. Knows no map and no clock. */
#ifndef NAT_TOP_H
#define NAT_TOP_H

#include "base/siphash.h"
#include "proto/ip/address.h"
#include "service/nat/bpf/shared.h"

struct nat_flow_view;
struct nat_top;

enum { NAT_TOP_HOSTS_MAX = 1 << 17 };

struct nat_top_row {
	struct ip_address host;
	uint32_t flows, flows_max; /* now; flows_max 0: it has no record */
	uint64_t bytes_out, bytes_in;
	uint64_t begun, refused; /* flows */
};

enum nat_top_by {
	NAT_TOP_BYTES,
	NAT_TOP_FLOWS,
	NAT_TOP_BEGUN,
	NAT_TOP_REFUSED,
};

/* key: random. ENOMEM. */
MUST enum err nat_top_new(struct hash_key key, struct nat_top **ret);
void nat_top_free(struct nat_top *top);

/* A record of map hosts. What is more than NAT_TOP_HOSTS_MAX is left out. */
void nat_top_add_host(struct nat_top *top, const struct nat_host_key *key,
		      const struct nat_host *host);
void nat_top_add_flow(struct nat_top *top, const struct nat_flow_view *v);

/* In that order, from the most; ret_n of them. The rows are the top's. */
const struct nat_top_row *nat_top_sort(struct nat_top *top, enum nat_top_by by, size_t *ret_n);

#endif
