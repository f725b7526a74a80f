/* Fills the tables of the data plane that only IPv6 has. Knows nothing of a configuration. */
#ifndef NAT_IO_APPLY6_H
#define NAT_IO_APPLY6_H

#include "base/err.h"

#include <stdint.h>

struct bpf_set;
struct nat_net;
struct nat_tables;
struct nat_tables6;
struct nat_v6_conf;

/* The set is loaded. flows_max: flows of IPv6 at once, as far as the table has room. What is in the
 * tables and not wanted any more is removed; flows stay. */
MUST enum err nat_apply6(const struct bpf_set *set, const struct nat_tables *t,
			 const struct nat_tables6 *six, uint32_t flows_max);

/* The same, with the tables made from conf and what the machine has. */
MUST enum err nat_make_and_apply6(const struct bpf_set *set, const struct nat_v6_conf *conf,
				  const struct nat_net *net, const struct nat_tables *t,
				  uint32_t flows_max);

#endif
