/* The client's files in the state directory: this machine's DUID, and for each uplink the lease
 * that it had last. Knows no state of the engine. */
#ifndef DHCP_CLIENT_IO_STORE_H
#define DHCP_CLIENT_IO_STORE_H

#include "proto/dhcp/duid.h"
#include "service/dhcp-client/lease.h"

/* The DUID of the file, or a new one of this link-layer address and time, which is then kept (RFC
 * 8415 11: it "SHOULD NOT change over time"). */
MUST enum err store_duid(const char *folder, struct span mac, uint64_t now_s, struct duid *ret);

/* The file of an uplink. owner: of this process; another process that has put its own number there
 * since has taken the uplink over, and what we do there is at an end. */
struct store {
	char path[4096];
	uint64_t owner;
};
MUST enum err store_init(struct store *s, const char *folder, const char *interface,
			 uint64_t owner);
/* ENOENT: there was none; ERR_FORMAT, ERR_LIMIT: it is no lease's. */
MUST enum err store_read(const struct store *s, uint8_t room[DHCP_MESSAGE_MAX],
			 struct lease_file *ret);
/* f->owner is filled in here. */
MUST enum err store_write(const struct store *s, struct lease_file *f);
/* Another process has it. */
bool store_is_taken(const struct store *s);

#endif
