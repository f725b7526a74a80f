/* SSDP (UPnP Device Architecture 2.0, 1): searches read, answers and announcements written. Knows
 * no device, no socket and no time. */
#ifndef PROTO_UPNP_SSDP_H
#define PROTO_UPNP_SSDP_H

#include "base/err.h"
#include "base/span.h"

struct writer;

enum {
	SSDP_PORT = 1900,
	SSDP_DATAGRAM_MAX = 1500,
	SSDP_HEADERS_MAX = 32,
	SSDP_MX_MAX = 5, /* UDA 2.0 1.3.2: more is taken for this */
};

struct ssdp_search {
	struct span target; /* ST; of the datagram */
	unsigned mx_s;	    /* 0: none was written, which only a search by unicast may */
};

/* ERR_UNSUPPORTED: SSDP of another kind (others' NOTIFY); ERR_FORMAT. */
MUST enum err ssdp_search_read(struct span datagram, struct ssdp_search *ret);

/* What is told of a device or service, in an answer or an announcement. */
struct ssdp_notice {
	const char *type; /* ST or NT */
	const char *usn;
	const char *location; /* a URL */
	const char *server;   /* "OS/1 UPnP/2.0 product/1" */
	uint32_t max_age_s, boot_id, config_id;
};

void ssdp_write_answer(struct writer *w, const struct ssdp_notice *n);
/* host: "239.255.255.250:1900" or "[FF02::C]:1900". alive false: ssdp:byebye. */
void ssdp_write_notify(struct writer *w, const struct ssdp_notice *n, const char *host, bool alive);

#endif
