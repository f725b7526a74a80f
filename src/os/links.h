/* The links of this machine and their addresses, followed by netlink while they come, go and
 *change. Knows no configuration; needs no capability.
 *
 *	links_open(&links, 0)		before the sandbox takes netlink away; all is read
 *	watch links.fd for LOOP_READ	links_read(&links, &changed)
 */
#ifndef OS_LINKS_H
#define OS_LINKS_H

#include "base/err.h"
#include "proto/ip/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LINKS_MAX = 4096,
	LINK_ADDRESSES_MAX = 64, /* of one link; more are passed over */
	LINK_NAME_MAX = 16,	 /* with the NUL */
	LINK_MAC_MAX = 20,
};

struct link_address {
	struct ip_address address;
	uint8_t bits;
	/* IPv6: duplicate address detection has not ended, or found another host: not usable. */
	bool tentative;
	bool temporary; /* RFC 8981 */
	/* Seconds from when the kernel told it; UINT32_MAX: for ever. */
	uint32_t valid_s, preferred_s;
	uint64_t told_ms; /* by links_now_ms */
};

struct link {
	uint32_t index;
	char name[LINK_NAME_MAX];
	uint16_t hardware; /* ARPHRD_…: 1 is Ethernet */
	uint8_t mac_len;
	uint8_t mac[LINK_MAC_MAX];
	uint32_t mtu;
	uint32_t master; /* index of the bridge or bond that it belongs to; 0: none */
	bool up;	 /* an administrator wants it up */
	bool carrier;	 /* and there is a partner */
	bool loopback;
	struct link_address *addresses; /* in the kernel's order; owned */
	size_t addresses_n;
};

struct links {
	int fd;
	struct link *list; /* by index, ascending */
	size_t n;
};

/* A socket in this network namespace, and what is there now. */
MUST enum err links_open(struct links *ret);
void links_done(struct links *links);

/* Takes in what has happened; ret_changed: something did. Pointers into the list are then stale. */
MUST enum err links_read(struct links *links, bool *ret_changed);

/* The clock of told_ms. */
uint64_t links_now_ms(void);

/* NULL: no such link now. */
const struct link *links_by_name(const struct links *links, const char *name);
const struct link *links_by_index(const struct links *links, uint32_t index);

#endif
