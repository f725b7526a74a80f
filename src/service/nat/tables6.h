/* What the data plane is told of IPv6, made from the configuration and the machine's addresses.
 * Writes no map; the networks of both families are in struct nat_tables. */
#ifndef NAT_TABLES6_H
#define NAT_TABLES6_H

#include "base/err.h"
#include "service/nat/bpf/shared6.h"

#include <stddef.h>
#include <stdint.h>

struct nat_net;
struct nat_v6_conf;

enum { NAT_LOCALS6_MAX = 1024 };

struct nat_local6 {
	struct nat_address6 address;
	uint32_t flags; /* enum nat_local_flag */
};

/* The address from which the machine answers what came in by a device. */
struct nat_answerer6 {
	uint32_t ifindex;
	struct nat_address6 address;
};

struct nat_tables6 {
	struct nat_local6 locals[NAT_LOCALS6_MAX];
	size_t locals_n;
	struct nat_answerer6 answerers[NAT_LOCALS6_MAX];
	size_t answerers_n;
	struct nat_settings6 settings; /* but for seed, masks and sizes */
};

/* Addresses that are more than fit are left out: they are not the machine's then. */
void nat_tables6_make(const struct nat_v6_conf *conf, const struct nat_net *net,
		      struct nat_tables6 *ret);

#endif
