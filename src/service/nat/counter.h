/* What each counter of the data plane is called in metrics and in the status. Counts nothing. */
#ifndef NAT_COUNTER_H
#define NAT_COUNTER_H

#include "service/nat/bpf/shared.h"

struct nat_counter_name {
	const char *metric; /* Prometheus form, without "gatehouse_": rows of one name stand side
			       by side */
	const char *cause;  /* of a drop; NULL */
	const char *help;
};

/* Never NULL. */
const struct nat_counter_name *nat_counter_name(enum nat_counter counter);

#endif
