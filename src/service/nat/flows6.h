/* The flows of IPv6 as they lie in the data plane's memory, told in the same terms as those of
 * flows.h. Knows no map. */
#ifndef NAT_FLOWS6_H
#define NAT_FLOWS6_H

#include "service/nat/bpf/shared6.h"
#include "service/nat/flows.h"

/* All borrowed; the memory is the data plane's and changes. */
struct nat_flows6 {
	const struct nat_flow6 *items; /* [0] is nobody's */
	uint32_t end;		       /* numbers below it have been used */
	const struct nat_settings *settings;
	uint32_t now; /* tick */
};

/* False: there is no flow of that number, or it changed hands while it was being read. The outer
 * ends of NAT64's are of IPv4. */
MUST bool nat_flow6_read(const struct nat_flows6 *f, uint32_t number, struct nat_flow_view *ret);

#endif
