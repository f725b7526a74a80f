/* For the tests of IPv6's programs: a network namespace with a LAN and an uplink, the loaded
 *programs with their tables, and packets made and summed the slow and obvious way. Knows no
 *expectation.
 *
 *	host 2001:db8:1::10 -- lan0 2001:db8:1::1 | gateway | wan0 2001:db8:f::1 -- router ::fe --
 *world 10.1.0.1/24                   203.0.113.1/24      203.0.113.254
 */
#ifndef NAT_BPF_SIX_WORLD_TEST_H
#define NAT_BPF_SIX_WORLD_TEST_H

#include "service/nat/bpf/shared6.h"

#include "os/bpf.h"

#include <arpa/inet.h>

enum { LAN, WAN, DEVICES };
enum { FRAME_MAX = 4096, ETHER = 14, REDIRECT = 7, SHOT = 2, PASS = -1 };

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t len;
};

struct world {
	struct bpf_set *set;
	uint32_t ifindex[DEVICES];
	uint32_t mark; /* of the packet that was run last */
};

extern struct world world;

/* In a test that runs programs: its beginning. */
#define NEEDS_PROGRAMS()                                                                           \
	do {                                                                                       \
		(void)state;                                                                       \
		if (!world.set)                                                                    \
			skip();                                                                    \
		world_forget();                                                                    \
	} while (0)

/* Where this user or kernel does not load programs world.set stays NULL, and tests skip. */
int world_setup(void **state);
int world_teardown(void **state);

/* No flow, mapping, port, fragment, host. */
void world_forget(void);

void world_put(const char *table, const void *key, const void *value);
void world_get(const char *table, const void *key, void *ret);
uint64_t world_count(enum nat_counter counter);

struct nat_address6 six(const char *text);
__be32 four(const char *text);

/* ---- packets ---- */

/* An Ethernet header from the host or the router to the gateway's device. */
void frame_begin(struct frame *f, int device, uint16_t proto);
void frame_add(struct frame *f, const void *bytes, size_t len);
void frame_six(struct frame *f, const char *src, const char *dst, uint8_t next, uint8_t hops,
	       size_t payload_len);
void frame_four(struct frame *f, const char *src, const char *dst, uint8_t proto, uint8_t ttl,
		size_t payload_len);
/* Identification and flags of the IPv4 header that begins at `at`; its checksum follows. */
void frame_four_cut(struct frame *f, size_t at, uint16_t id, uint16_t flags);
/* The sum of the L4 header and all behind it, put into it; ip: where the IP header begins, l4:
 * where that lies, proto: its protocol. */
void frame_sum(struct frame *f, size_t ip, size_t l4, uint8_t proto);

/* Whole packets, with the octets 0, 1, 2, … as payload. */
struct frame udp_six(int device, const char *src, uint16_t sport, const char *dst, uint16_t dport,
		     size_t payload_len, uint8_t hops);
struct frame udp_four(int device, const char *src, uint16_t sport, const char *dst, uint16_t dport,
		      size_t payload_len, uint8_t ttl);
struct frame tcp_six(int device, const char *src, uint16_t sport, const char *dst, uint16_t dport,
		     uint8_t flags, uint8_t hops);
struct frame tcp_four(int device, const char *src, uint16_t sport, const char *dst, uint16_t dport,
		      uint8_t flags, uint8_t ttl);
struct frame echo_six(int device, const char *src, const char *dst, uint8_t type, uint16_t id,
		      uint8_t hops);
struct frame echo_four(int device, const char *src, const char *dst, uint8_t type, uint16_t id,
		       uint8_t ttl);
/* An ICMP error that quotes the packet in `about`, up to quoted_max octets of it. */
struct frame error_six(int device, const char *src, const char *dst, uint8_t type, uint8_t code,
		       uint32_t value, const struct frame *about, size_t quoted_max);
struct frame error_four(int device, const char *src, const char *dst, uint8_t type, uint8_t code,
			uint32_t value, const struct frame *about, size_t quoted_max);

/* As it leaves by that device: from the gateway to the host or the router. */
struct frame leaving(struct frame f);

/* ---- running ---- */

/* What the program says of it, after it came in by (or leaves by) the device; it becomes what the
 * program has made of it. */
int run(const char *program, int device, struct frame *f);

/* The same for a program of XDP. */
int run_xdp(const char *program, int device, struct frame *f);

/* Drops it, for this cause. */
void assert_drops(const char *program, int device, struct frame f, enum nat_counter why);
/* Lets it go on as exactly these octets. */
void assert_sends(const char *program, int device, struct frame f, const struct frame *want);
/* The same, but for the identification of IPv4, which is random. */
void assert_sends_four(const char *program, int device, struct frame f, struct frame want);
void assert_passes(const char *program, int device, struct frame f);

#endif
