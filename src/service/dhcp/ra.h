/* Router advertisements (RFC 4861 6.2): when each interface's is sent, and what it says. Does no
 * I/O and has no clock: time and entropy are arguments, what is to be sent is told by a call.
 *
 * What the caller must do (front rooms): a raw ICMPv6 socket, ff02::2 joined on each interface,
 * router solicitations let through (ICMP6_FILTER), IPV6_RECVHOPLIMIT and IPV6_RECVPKTINFO; messages
 * go out with a hop limit of 255 from the interface's link-local address; the kernel fills in the
 * checksum. Before the process ends ra_stop. Links are told anew whenever an address, its lifetimes
 * or the MTU change. */
#ifndef DHCP_RA_H
#define DHCP_RA_H

#include "base/err.h"
#include "proto/ndp/option.h"

struct v6_conf;
struct writer;

enum {
	RA_INTERFACES_MAX = 64,
	RA_PREFIXES_MAX = 16, /* of one interface, old ones included */
	RA_ROUTES_MAX = 16,
	RA_PREF64_MAX = 4,
	RA_NAMES_MAX = 1024, /* octets of the search list */
	RA_PORTAL_MAX = 255,
	RA_MESSAGE_MAX = 4096,
};

/* What one interface advertises; a copy, so that the configuration may go. */
struct ra_rules {
	char interface[16];
	bool managed, other, automatic;
	enum ndp_preference preference;
	struct ndp_prefix prefixes[RA_PREFIXES_MAX];
	struct ndp_route routes[RA_ROUTES_MAX];
	struct ndp_pref64 pref64[RA_PREF64_MAX];
	size_t prefixes_n, routes_n, pref64_n;
	struct ndp_rdnss rdnss; /* lifetime_s as sent */
	uint16_t names_len, portal_len;
	uint8_t names[RA_NAMES_MAX], portal[RA_PORTAL_MAX];
	uint32_t mtu; /* 0: not said */
	uint8_t hop_limit;
	uint16_t lifetime_s;
	uint32_t min_ms, max_ms, reachable_ms, retrans_ms;
};

/* The nth entry of `advertise`. false: no more. */
bool ra_rules_of(const struct v6_conf *conf, size_t nth, struct ra_rules *ret);

/* A link of this machine as it is now. */
struct ra_link {
	uint32_t ifindex;
	char name[16];
	uint8_t mac[6];
	bool has_mac;
	/* Global addresses on it with their prefix length; lifetimes in seconds from now on,
	 * NDP_INFINITY for ever. */
	struct ndp_prefix prefixes[RA_PREFIXES_MAX];
	size_t prefixes_n;
	struct ip_address link_local; /* family 0: none yet, so nothing is sent */
};

struct ra_effects {
	void *arg;
	/* to: ff02::1, or the host that asked. */
	void (*send)(void *arg, uint32_t ifindex, const struct ip_address *to, struct span icmp);
};

/* A prefix in force, or one that went away and is said to be over until nobody can have it. */
struct ra_prefix {
	struct ndp_prefix prefix;
	uint64_t preferred_until_ms,
		valid_until_ms; /* UINT64_MAX: as configured, always the same */
	bool gone;
	uint64_t told_until_ms; /* gone: said with lifetimes of 0 until then */
};

struct ra_counts {
	uint64_t sent, answered; /* answered: sent for a solicitation */
	uint64_t solicited, refused;
};

struct ra_interface {
	struct ra_rules rules;
	struct ra_link link; /* ifindex 0: not there now */
	struct ra_prefix prefixes[RA_PREFIXES_MAX * 2];
	size_t prefixes_n;
	uint64_t next_ms, last_ms; /* last: to all nodes; 0: never */
	unsigned initial; /* of the first MAX_INITIAL_RTR_ADVERTISEMENTS, how many are left */
	struct ra_counts counts;
};

/* The caller's storage, about 300 KiB; its fields are internal, but counts of interfaces may be
 * read.
 */
struct ra {
	struct ra_interface interfaces[RA_INTERFACES_MAX];
	size_t interfaces_n;
	struct ra_effects effects;
	uint64_t seed[2], drawn;
	uint8_t message[RA_MESSAGE_MAX];
};

/* effects are copied. seed: fresh entropy. */
void ra_init(struct ra *r, const uint8_t seed[16], const struct ra_effects *effects);

/* The whole configuration, at start and at a reload: interfaces that are gone say farewell;
 * prefixes that are gone are deprecated (RFC 9096 3.5). At most RA_INTERFACES_MAX. */
void ra_set_rules(struct ra *r, uint64_t now_ms, const struct ra_rules *rules, size_t n);
/* All links that there are. */
void ra_set_links(struct ra *r, uint64_t now_ms, const struct ra_link *links, size_t n);

/* An ICMPv6 message that came in; anything but a valid router solicitation costs a counter. */
void ra_receive(struct ra *r, uint64_t now_ms, uint32_t ifindex, const struct ndp_arrival *a,
		struct span icmp);

/* What hosts have been told of prefixes, for the next process: the same octets until a prefix
 * comes, goes, or nobody can have it any more. At most RA_RECORD_MAX. */
enum { RA_RECORD_MAX = 1 + RA_INTERFACES_MAX * RA_PREFIXES_MAX * 2 * 43 };
void ra_remember(const struct ra *r, uint64_t now_ms, struct writer *w);
/* After ra_set_rules, before ra_set_links: prefixes that are not in force then are said to be over
 * for as long as hosts may have them. ERR_FORMAT, ERR_UNSUPPORTED: not one of ours, or of a newer
 * program; what stood before is taken. */
MUST enum err ra_recall(struct ra *r, uint64_t now_ms, struct span record);

uint64_t ra_next_ms(const struct ra *r); /* UINT64_MAX: nothing to do */
void ra_turn(struct ra *r, uint64_t now_ms);

/* RFC 4861 6.2.5: the last words, with a lifetime of 0, at once. Nothing is sent afterwards. */
void ra_stop(struct ra *r, uint64_t now_ms);

#endif
