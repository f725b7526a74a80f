/* What is logged of translations (RFC 6888 4): the data plane's events become entries in a bounded
 * queue, and from there lines of JSON and records of IPFIX (RFC 8158). Knows no file, no socket and
 * no clock.
 *
 *	nat_log_event(&log, event)		for each record of the ring
 *	nat_log_take(&log, &entry)		then, outside of the ring's callback
 *		nat_log_json(&entry, &writer)
 *		nat_log_ipfix(&entry, &message)
 */
#ifndef NAT_LOG_H
#define NAT_LOG_H

#include "base/queue.h"
#include "base/writer.h"
#include "service/nat/bpf/shared6.h"

struct ipfix_message;
struct nat_log_conf;

enum {
	NAT_LOG_QUEUE = 8192,
	NAT_LOG_LINE_MAX = 512, /* of JSON, with its end */
};

/* An inside endpoint, the public one that stands for it and, of a flow, the far one. Addresses and
 * ports as they lie in packets. */
struct nat_log_entry {
	uint64_t time_ms; /* since 1970 */
	uint8_t kind;	  /* enum nat_event_kind: of mappings, flows and blocks */
	uint8_t proto;
	bool inward;   /* a flow that began outside */
	bool with_far; /* far is to be told */
	bool six;      /* NAT64: the host is host6, and calls far by far6 */
	struct nat_address6 host6, far6;
	__be32 host, public, far, far_as; /* far_as: where it really went: hairpin */
	__be16 host_port, public_port, far_port, far_as_port;
	uint16_t block_first, block_last; /* host order */
	uint64_t out, in; /* octets of a flow that has ended, as the host sees them */
};

struct nat_log {
	struct queue queue; /* of struct nat_log_entry */
	bool mappings, flows, destinations;
	int64_t clock_ms; /* to be added to an event's time */
	uint64_t told;	  /* entries taken */
};

/* conf: what to keep; nothing of it is kept by pointer. ENOMEM. */
MUST enum err nat_log_init(struct nat_log *log, const struct nat_log_conf *conf);
void nat_log_done(struct nat_log *log); /* accepts zeroed storage */
void nat_log_configure(struct nat_log *log, const struct nat_log_conf *conf);

/* wall_ms and monotonic_ms at one instant: how the kernel's time becomes the world's. */
static inline void nat_log_clock(struct nat_log *log, uint64_t wall_ms, uint64_t monotonic_ms)
{
	log->clock_ms = (int64_t)wall_ms - (int64_t)monotonic_ms;
}

/* Queues what the configuration wants of it; the machine's own flows and mappings are left out. A
 * full queue loses it, which nat_log_lost counts. */
void nat_log_event(struct nat_log *log, const struct nat_event *event);
/* The same of IPv6: NAT64's mappings and flows; what is only routed is not translated, and two
 * inside that speak by their public ports are known by their mappings. */
void nat_log_event6(struct nat_log *log, const struct nat_event6 *event);
bool nat_log_take(struct nat_log *log, struct nat_log_entry *ret);

static inline uint64_t nat_log_lost(const struct nat_log *log)
{
	return log->queue.refused;
}

/* One line with its end, NAT_LOG_LINE_MAX at most. */
void nat_log_json(const struct nat_log_entry *e, struct writer *w);

/* The templates from number `from` on that the message has room for; it is empty and has
 * IPFIX_UDP_MESSAGE_MAX octets. The number of the next one; NAT_LOG_TEMPLATES: that was all. */
enum { NAT_LOG_TEMPLATES = 11 };
size_t nat_log_templates(struct ipfix_message *m, size_t from);
/* False: the message is full, and as before. */
bool nat_log_ipfix(const struct nat_log_entry *e, struct ipfix_message *m);

/* "mapping made", for logs and events. NULL: no such kind. */
const char *nat_event_name(unsigned kind);

#endif
