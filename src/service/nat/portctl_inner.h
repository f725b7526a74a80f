/* The list's inside, for the files that make it up. Nobody else includes this. */
#ifndef NAT_PORTCTL_INNER_H
#define NAT_PORTCTL_INNER_H

#include "service/nat/portctl.h"
#include "service/nat/portctl_rules.h"

enum { PORTCTL_MAPPINGS_MAX = 65536 }; /* of each family; the configuration's bound of bounds */

struct portctl_host {
	struct ip_address address;
	struct portctl_mapping *first, *last;
	uint32_t n;
};

struct portctl {
	const struct portctl_rules *rules;     /* borrowed */
	const struct portctl_effects *effects; /* borrowed */
	struct slab mappings, hosts;
	struct table by_internal, by_external, by_host;
	struct wheel wheel;
	uint64_t now_ms;      /* of the call that is running, for what it calls */
	uint64_t epoch_at_ms; /* when the epoch was epoch_base_s */
	uint64_t epoch_base_s, changes;
	uint32_t used_v4, used_v6; /* by the inner family */
	uint64_t counts[PORTCTL_ORIGINS][PORTCTL_VERDICTS];
};

/* Opens m (all but its external endpoint is final, and that is what is wanted) and takes it into
 * the list; m is of the slab and given back on any other verdict than PORTCTL_DONE. */
MUST enum portctl_verdict portctl_take(struct portctl *p, struct portctl_mapping *m, bool exact);
/* Mappings were lost: the epoch begins anew and hosts are told. */
void portctl_lose(struct portctl *p);

/* NULL: none. */
struct portctl_host *portctl_host_of(const struct portctl *p, const struct ip_address *address);
struct portctl_mapping *portctl_mapping_of(const struct portctl *p, uint8_t protocol,
					   const struct ip_endpoint *internal,
					   const struct ip_endpoint *remote);

void portctl_tell(const struct portctl *p, const char *what, const struct portctl_mapping *m);
/* What an error of map_open means. */
enum portctl_verdict portctl_verdict_of(enum err e);
/* Closes it, tells why, and takes it out of the list. */
void portctl_shut(struct portctl *p, struct portctl_mapping *m, const char *why);
/* Out of all but by_internal, and given back: for who sweeps that. */
void portctl_forget(struct portctl *p, struct portctl_mapping *m);
/* By its external endpoint, before and after that changes. ERR_EXISTS. */
MUST enum err portctl_list_external(struct portctl *p, struct portctl_mapping *m);
void portctl_unlist_external(struct portctl *p, const struct portctl_mapping *m);

#endif
