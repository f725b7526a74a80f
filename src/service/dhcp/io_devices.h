/* Leases as those who obey the site's policy see them: which device is at which address, in a table
 * that they map (policy/io_devices.h). Knows no packet, and nobody who reads it. */
#ifndef DHCP_IO_DEVICES_H
#define DHCP_IO_DEVICES_H

#include "service/dhcp/engine.h"
#include "service/dhcp/lease.h"
#include "service/dhcp/v6_engine.h"

struct devices_out;
struct dhcp_service;
struct names_label;
struct writer;

struct dhcp_devices {
	struct devices_out
		*out; /* NULL: there is no policy, or no room for a table, which was told */
	/* Names that reservations give, and whose they are: nobody else is known by them. */
	struct dhcp_named *named; /* owned; in order of their names */
	size_t named_n;
};

/* As the configuration in force says: all leases are told anew. At the start, when they are known,
 * and after a reload. */
void dhcp_devices_set(struct dhcp_service *d);
void dhcp_devices_done(struct dhcp_service *d);

/* Effects of the two engines. */
void dhcp_devices_tell(struct dhcp_service *d, enum dhcp_name_change change,
		       const struct dhcp_lease *l);
void dhcp_devices_tell6(struct dhcp_service *d, enum dhcp_name_change change,
			const struct v6_lease_view *l);
/* The row with that key is another one, or gone: by another server. */
void dhcp_devices_learned(struct dhcp_service *d, struct span key);

void dhcp_devices_metrics(const struct dhcp_service *d, struct writer *text);

#endif
