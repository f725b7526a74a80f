/* For tests of the data plane: its programs loaded in a network namespace with three veth devices,
 *one of them outside, and run one packet at a time. Knows no behaviour.
 *
 *	lan 192.168.1.1/24 (zone 2), dmz 192.168.2.1/24 (zone 3), wan 198.51.100.1/24, default .254
 *	hosts at .2 to .9 of lan and dmz, whose link addresses end in that number
 */
#ifndef NAT_BPF_PLANE_TEST_H
#define NAT_BPF_PLANE_TEST_H

#include "service/nat/bpf/object.h"
#include "service/nat/bpf/shared.h"

#include "os/bpf.h"
#include "os/bpf_attach.h"
#include "os/bpffs.h"
#include "os/links.h"
#include "os/netlink.h"
#include "os/netlink_request.h"
#include "os/netlink_route.h"
#include "os/netns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "os/child_test.h"

enum { LAN, DMZ, WAN, PLANE_DEVICES };
enum { ZONE_DMZ = NAT_ZONE_INSIDE + 1 };
enum { PLANE_FLOWS = 1 << 12, PLANE_PAIRS = PLANE_FLOWS * 8 / 5, PLANE_PUBLICS = 4 };
enum { VERDICT_TC_PASS = -1, VERDICT_TC_DROP = 2, VERDICT_TC_SEND = 7 };

#define IP4(a, b, c, d) ((uint32_t)htonl((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d)))
#define HOST(n)		IP4(192, 168, 1, n)
#define SERVER(n)	IP4(192, 168, 2, n)
#define PUBLIC(n)	IP4(198, 51, 100, n)
#define WORLD(n)	IP4(203, 0, 113, n)

struct plane {
	struct bpf_set *set;
	uint32_t ifindex[PLANE_DEVICES];
	uint8_t mac[PLANE_DEVICES][6];
	struct bpf_memory settings, devices, publics, ports, flows, mappings, pools, forwards,
		rules, rates, legs, mapping_index;
};

static const char *const plane_names[PLANE_DEVICES] = {"lan", "dmz", "wan"};

static inline struct nat_settings *plane_settings(const struct plane *p)
{
	return p->settings.base;
}

static inline uint32_t *plane_port(const struct plane *p, unsigned slot, unsigned space,
				   uint16_t port)
{
	return (uint32_t *)p->ports.base + NAT_PORT_AT(slot, space, port);
}

/* ---- the network ---- */

static inline enum err plane_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? write(fd, text, strlen(text)) : -1;
	if (fd >= 0)
		(void)close(fd);
	return n < 0 ? (enum err)EIO : OK;
}

static inline struct ip_address plane_address(uint32_t a)
{
	struct ip_address ret = {.family = 4};
	memcpy(ret.bytes, &a, sizeof(a));
	return ret;
}

static inline enum err plane_neighbour(uint32_t ifindex, uint32_t address, uint8_t last)
{
	const uint8_t mac[6] = {2, 0, 0, 0, 0, last};
	struct ndmsg body = {
		.ndm_family = 2, .ndm_ifindex = (int)ifindex, .ndm_state = NUD_PERMANENT};
	struct ip_address a = plane_address(address);
	struct netlink_request q;
	netlink_request_init(&q, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, &body,
			     sizeof(body));
	netlink_put_address(&q, NDA_DST, &a);
	netlink_put(&q, NDA_LLADDR, mac, sizeof(mac));
	return netlink_request_do(&q);
}

static inline enum err plane_device(struct plane *p, unsigned at, int far)
{
	const uint32_t own[] = {IP4(192, 168, 1, 1), IP4(192, 168, 2, 1), IP4(198, 51, 100, 1)};
	struct ip_address a = plane_address(own[at]);
	struct links links;
	TRY(link_add_veth(plane_names[at], "far", far));
	TRY(link_index(plane_names[at], &p->ifindex[at]));
	TRY(link_up(plane_names[at]));
	int here;
	TRY(netns_of(0, &here));
	TRY(netns_enter(far));
	TRY(link_up("far"));
	TRY(netns_enter(here));
	(void)close(here);
	TRY(address_add(plane_names[at], &a, 24));
	TRY(links_open(&links));
	const struct link *l = links_by_name(&links, plane_names[at]);
	if (l)
		memcpy(p->mac[at], l->mac, 6);
	links_done(&links);
	for (uint8_t n = 2; n < 10; n++)
		TRY(plane_neighbour(p->ifindex[at], own[at] + htonl(n - 1u), n));
	return OK;
}

static inline enum err plane_network(struct plane *p)
{
	int here, far;
	TRY(netns_new(&here));
	TRY(netns_enter(here));
	TRY(link_up("lo"));
	TRY(plane_write("/proc/sys/net/ipv4/ip_forward", "1"));
	for (unsigned i = 0; i < PLANE_DEVICES; i++) {
		TRY(netns_new(&far));
		TRY(plane_device(p, i, far));
	}
	struct netlink_route route = {.to = {.address = {.family = 4}},
				      .via = plane_address(PUBLIC(254)),
				      .ifindex = p->ifindex[WAN],
				      .protocol = 4};
	TRY(plane_neighbour(p->ifindex[WAN], PUBLIC(254), 254));
	return netlink_route_set(&route);
}

/* ---- the maps ---- */

static inline enum err plane_memory(const struct plane *p, const char *name, struct bpf_memory *ret)
{
	struct bpf_table t;
	TRY(bpf_set_table(p->set, name, &t));
	return bpf_table_map(&t, true, ret);
}

static inline enum err plane_put(const struct plane *p, const char *name, const void *key,
				 const void *value)
{
	struct bpf_table t;
	TRY(bpf_set_table(p->set, name, &t));
	return bpf_table_put(&t, key, value, BPF_PUT);
}

static inline enum err plane_source(const struct plane *p, uint32_t network, uint32_t bits,
				    uint8_t zone)
{
	struct nat_source_key4 key = {.bits = bits, .address = network};
	struct nat_source value = {.zone = zone};
	return plane_put(p, "sources4", &key, &value);
}

static inline enum err plane_local(const struct plane *p, uint32_t address, uint16_t slot,
				   uint16_t flags)
{
	struct nat_local local = {.public_slot = slot, .flags = flags};
	TRY(plane_source(p, address, 32, NAT_ZONE_GATEWAY));
	return plane_put(p, "locals4", &address, &local);
}

static inline void plane_fill_devices(struct plane *p)
{
	static const uint8_t zones[] = {NAT_ZONE_INSIDE, ZONE_DMZ, NAT_ZONE_OUTSIDE};
	const uint32_t own[] = {IP4(192, 168, 1, 1), IP4(192, 168, 2, 1), PUBLIC(1)};
	struct nat_device *devices = p->devices.base;
	for (unsigned i = 0; i < PLANE_DEVICES; i++) {
		struct nat_device *d = &devices[p->ifindex[i] & (NAT_DEVICES - 1)];
		*d = (struct nat_device){.ifindex = p->ifindex[i],
					 .mtu = 1500,
					 .zone = zones[i],
					 .flags = NAT_DEVICE_ETHER | NAT_DEVICE_XDP_SEND,
					 .public_n = i == WAN,
					 .address = own[i]};
		d->flags |= i == WAN ? NAT_DEVICE_OUTSIDE : 0;
		memcpy(d->mac, p->mac[i], 6);
	}
	((struct nat_public *)p->publics.base)[0] =
		(struct nat_public){.address = PUBLIC(1), .ifindex = p->ifindex[WAN]};
}

/* Number 1: those inside may everything. */
static inline void plane_fill_rules(const struct plane *p)
{
	struct nat_rule *rules = p->rules.base;
	rules[1] = (struct nat_rule){.from = 1u << NAT_ZONE_INSIDE | 1u << ZONE_DMZ,
				     .to = UINT32_MAX,
				     .action = NAT_ALLOW,
				     .src_last = UINT16_MAX,
				     .dst_last = UINT16_MAX};
	plane_settings(p)->sets[0].rules_n = 1;
}

static inline void plane_fill_settings(struct plane *p)
{
	static const uint32_t idle_s[NAT_IDLE_N] = {240, 7440, 240, 300, 10, 60, 300, 2};
	struct nat_settings s = {.seed = {0x0123456789abcdef, 0xfedcba9876543210},
				 .flow_pairs = PLANE_PAIRS,
				 .mapping_mask = PLANE_FLOWS - 1,
				 .flags = NAT_SETTING_FORWARDING,
				 .flows_max = PLANE_FLOWS - 1,
				 .mappings_max = PLANE_FLOWS - 1,
				 .host_flows_max = 1000,
				 .port_low = 1024,
				 .port_high = 65535,
				 .events_s = 1000,
				 .ttl_answers_s = 100,
				 .sweep_n = PLANE_FLOWS,
				 .sweep_ns = 1000000};
	for (unsigned i = 0; i < NAT_IDLE_N; i++)
		s.idle[i] = (uint32_t)(idle_s[i] * 1000000000ull >> NAT_TICK_SHIFT);
	s.sets[0] = (struct nat_set){.rule_first = 1, .forward_first = 1};
	*plane_settings(p) = s;
	plane_fill_rules(p);
}

static inline enum err plane_fill(struct plane *p)
{
	const struct {
		const char *name;
		struct bpf_memory *memory;
	} arrays[] = {{"settings", &p->settings}, {"devices", &p->devices},
		      {"publics", &p->publics},	  {"ports", &p->ports},
		      {"flows4", &p->flows},	  {"mappings4", &p->mappings},
		      {"pools", &p->pools},	  {"forwards4", &p->forwards},
		      {"rules", &p->rules},	  {"rates", &p->rates},
		      {"legs4", &p->legs},	  {"mapping_index", &p->mapping_index}};
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		TRY(plane_memory(p, arrays[i].name, arrays[i].memory));
	plane_fill_settings(p);
	plane_fill_devices(p);
	TRY(plane_source(p, IP4(192, 168, 1, 0), 24, NAT_ZONE_INSIDE));
	TRY(plane_source(p, IP4(192, 168, 2, 0), 24, ZONE_DMZ));
	TRY(plane_source(p, IP4(10, 0, 0, 0), 8, NAT_ZONE_BOGON));
	TRY(plane_source(p, IP4(224, 0, 0, 0), 3, NAT_ZONE_BOGON));
	TRY(plane_local(p, IP4(192, 168, 1, 1), NAT_NO_PUBLIC, NAT_LOCAL_HERE));
	TRY(plane_local(p, IP4(192, 168, 2, 1), NAT_NO_PUBLIC, NAT_LOCAL_HERE));
	TRY(plane_local(p, PUBLIC(1), 0, NAT_LOCAL_HERE | NAT_LOCAL_OUTSIDE));
	for (unsigned i = 0; i < PLANE_DEVICES; i++)
		TRY(plane_put(p, "xdp_ports", &p->ifindex[i], &p->ifindex[i]));
	return OK;
}

static inline enum err plane_host(const struct plane *p, uint32_t address, uint32_t flags,
				  uint32_t flows_max)
{
	struct nat_host_key key = {.address = {[10] = 0xff, [11] = 0xff}};
	struct nat_host host = {.flows_max = flows_max,
				.flags = flags | NAT_HOST_CONFIGURED,
				.public_slot = NAT_NO_PUBLIC};
	memcpy(key.address + 12, &address, sizeof(address));
	return plane_put(p, "hosts", &key, &host);
}

/* What is sent to this port of the public address in slot goes to `to`. */
static inline void plane_forward(const struct plane *p, uint32_t number, uint8_t space,
				 uint16_t port, uint32_t to, uint16_t to_port)
{
	((struct nat_forward4 *)p->forwards.base)[number] =
		(struct nat_forward4){.to = to,
				      .to_first = htons(to_port),
				      .first = port,
				      .last = port,
				      .space = space,
				      .zone = ZONE_DMZ};
	*plane_port(p, 0, space, port) = NAT_PORT_FORWARD | number;
	if (plane_settings(p)->sets[0].forwards_n < number)
		plane_settings(p)->sets[0].forwards_n = (uint16_t)number;
}

/* One direction of flow `number`; side: 0, the originator's. */
static inline struct nat_leg4 *plane_leg(const struct plane *p, uint32_t number, unsigned side)
{
	const struct nat_flow4 *flow = (const struct nat_flow4 *)p->flows.base + number;
	return (struct nat_leg4 *)p->legs.base + flow->leg[side];
}

/* As if its last packet had come so many ticks earlier. */
static inline void plane_age(const struct plane *p, uint32_t number, uint32_t ticks)
{
	((struct nat_flow4 *)p->flows.base + number)->seen -= ticks;
	plane_leg(p, number, 0)->seen -= ticks;
	plane_leg(p, number, 1)->seen -= ticks;
}

#define PLANE_FOLDER "/tmp/bpf"

/* In a child: true when it may not be tried here. */
static inline bool plane_may_not(void)
{
	enum err e = bpf_may_load();
	return e == (enum err)EPERM || e == (enum err)ENOSYS || e == (enum err)EACCES;
}

static inline enum err plane_make(struct plane *p)
{
	static const char *const large[] = {"flows4", "mapping_index", "mappings4"};
	struct span object = span_of(nat_bpf_object, (size_t)(nat_bpf_object_end - nat_bpf_object));
	struct bpf_attachment attached;
	int fd;
	memset(p, 0, sizeof(*p));
	TRY(mount_private());
	TRY(mount_tmpfs("/tmp", 1 << 20, 01777));
	TRY(bpffs_make(PLANE_FOLDER, NULL));
	TRY(plane_network(p));
	TRY(bpf_set_open(object, "nat", &p->set));
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
		TRY(bpf_set_entries(p->set, large[i], PLANE_FLOWS));
	TRY(bpf_set_entries(p->set, "legs4", PLANE_PAIRS));
	TRY(bpf_set_entries(p->set, "ports", NAT_PORT_AT(PLANE_PUBLICS, 0, 0) / 2));
	TRY(bpf_set_entries(p->set, "blocks", NAT_BLOCK_AT(PLANE_PUBLICS, 0)));
	enum err e = bpf_set_load(p->set);
	if (e)
		(void)fprintf(stderr, "%s\n", bpf_set_trouble(p->set));
	TRY(e);
	TRY(plane_fill(p));
	/* A veth has queues for XDP only while a program is attached. */
	TRY(bpf_set_program(p->set, "nat_xdp", &fd));
	for (unsigned i = 0; i < PLANE_DEVICES; i++)
		TRY(bpf_attach(PLANE_FOLDER, p->ifindex[i], BPF_HOOK_XDP, BPF_WAY_NATIVE, fd,
			       &attached));
	return OK;
}

static inline uint64_t plane_count(const struct plane *p, enum nat_counter counter)
{
	struct bpf_table t;
	uint32_t zero = 0;
	uint64_t sum = 0;
	if (bpf_set_table(p->set, "counters", &t))
		return UINT64_MAX;
	struct nat_counts *counts = calloc(t.cpus, t.value_room / t.cpus);
	if (counts && !bpf_table_get(&t, &zero, counts))
		for (uint32_t i = 0; i < t.cpus; i++)
			sum += counts[i].n[counter];
	free(counts);
	return sum;
}

/* For whoever looks why a test fails. */
static inline void plane_tell(const struct plane *p)
{
	for (int i = 0; i < NAT_C_N; i++)
		if (plane_count(p, (enum nat_counter)i) != 0)
			(void)fprintf(stderr, "counter %d: %llu\n", i,
				      (unsigned long long)plane_count(p, (enum nat_counter)i));
}

/* ---- packets ---- */

struct frame {
	uint8_t bytes[2048];
	size_t len;
};

enum { ETHER = 14, IP = 20 };

static inline uint32_t frame_sum(const uint8_t *at, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += (i & 1) != 0 ? at[i] : (uint32_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static inline void frame_put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static inline uint16_t frame_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline size_t frame_checksum_at(const struct frame *f)
{
	switch (f->bytes[ETHER + 9]) {
	case 6: return ETHER + IP + 16;
	case 17: return ETHER + IP + 6;
	case 1: return ETHER + IP + 2;
	default: return 0;
	}
}

/* What its L4 checksum should be, computed from the whole packet. */
static inline uint16_t frame_l4_checksum(const struct frame *f)
{
	const uint8_t *ip = f->bytes + ETHER;
	size_t at = frame_checksum_at(f), n = f->len - ETHER - IP;
	uint32_t sum = 0;
	if (ip[9] != 1)
		sum = frame_sum(ip + 12, 8, ip[9] + (uint32_t)n);
	sum = frame_sum(ip + IP, n, sum + 0xffffu - frame_get16(f->bytes + at));
	sum = ~sum & 0xffff;
	return (uint16_t)(ip[9] == 17 && sum == 0 ? 0xffff : sum);
}

static inline void frame_seal(struct frame *f)
{
	uint8_t *ip = f->bytes + ETHER;
	size_t at = frame_checksum_at(f);
	frame_put16(ip + 2, (uint32_t)(f->len - ETHER));
	frame_put16(ip + 10, 0);
	frame_put16(ip + 10, ~frame_sum(ip, IP, 0) & 0xffff);
	if (ip[9] == 17)
		frame_put16(ip + IP + 4, (uint32_t)(f->len - ETHER - IP));
	if (at != 0)
		frame_put16(f->bytes + at, frame_l4_checksum(f));
}

/* The frame that this tuple's sender (or his router) sends to our device. flags: of TCP; ICMP: the
 * type is 8 when dport is 0, else 0. Ports in host order. */
static inline struct frame frame_make(const struct plane *p, unsigned device, uint8_t proto,
				      uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport,
				      uint8_t flags)
{
	struct frame f = {.len = ETHER + IP + (proto == 6 ? 20 : 8) + 32};
	uint8_t *ip = f.bytes + ETHER, *l4 = ip + IP;
	memcpy(f.bytes, p->mac[device], 6);
	memcpy(f.bytes + 6, "\2\0\0\0\0\2", 6);
	f.bytes[12] = 8;
	ip[0] = 0x45;
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, &src, 4);
	memcpy(ip + 16, &dst, 4);
	if (proto == 6 || proto == 17) {
		frame_put16(l4, sport);
		frame_put16(l4 + 2, dport);
	}
	if (proto == 6) {
		l4[12] = 5 << 4;
		l4[13] = flags;
	}
	if (proto == 1) {
		l4[0] = dport != 0 ? 0 : 8;
		frame_put16(l4 + 4, (uint32_t)sport | dport);
	}
	memset(f.bytes + f.len - 32, 0x5a, 32);
	frame_seal(&f);
	return f;
}

/* The ICMP error that quotes the first octets of a frame's IP packet; word: its second one. */
static inline struct frame frame_error(const struct plane *p, unsigned device, uint32_t src,
				       uint32_t dst, uint8_t type, uint8_t code, uint16_t word,
				       const struct frame *about, size_t octets)
{
	struct frame f = frame_make(p, device, 1, src, 0, dst, 0, 0);
	uint8_t *icmp = f.bytes + ETHER + IP;
	size_t len = about->len - ETHER < octets ? about->len - ETHER : octets;
	f.len = ETHER + IP + 8 + len;
	icmp[0] = type;
	icmp[1] = code;
	frame_put16(icmp + 4, 0);
	frame_put16(icmp + 6, word);
	memcpy(icmp + 8, about->bytes + ETHER, len);
	frame_seal(&f);
	return f;
}

/* Whether it is the other frame one hop on; link addresses are not looked at. */
static inline bool frame_is_hop(const struct frame *f, const struct frame *want)
{
	struct frame hop = *want;
	hop.bytes[ETHER + 8]--;
	frame_seal(&hop);
	return f->len == hop.len && !memcmp(f->bytes + 12, hop.bytes + 12, hop.len - 12);
}

/* Runs it; what came out is in *f. Returns the verdict of tc or XDP, or -1000: it did not run. */
static inline int plane_run(const struct plane *p, const char *program, unsigned device,
			    struct frame *f)
{
	static struct frame out;
	bool xdp = strncmp(program, "nat_xdp", 7) == 0;
	struct xdp_md md = {.data_end = (uint32_t)f->len, .ingress_ifindex = p->ifindex[device]};
	struct __sk_buff skb = {.ifindex = p->ifindex[device]};
	struct bpf_run run = {.in = span_of(f->bytes, f->len),
			      .context_in = xdp ? (void *)&md : (void *)&skb,
			      .context_in_len = xdp ? sizeof(md) : sizeof(skb),
			      .out = out.bytes,
			      .out_len = sizeof(out.bytes)};
	int fd;
	if (bpf_set_program(p->set, program, &fd) || bpf_program_run(fd, &run))
		return -1000;
	memcpy(f->bytes, out.bytes, run.out_len);
	f->len = run.out_len;
	return (int)run.ret;
}

/* Whether it is what frame_make makes of these, with a TTL of 63 and all checksums right; link
 * addresses are not looked at. */
static inline bool frame_is(const struct plane *p, const struct frame *f, uint8_t proto,
			    uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport,
			    uint8_t flags)
{
	struct frame want = frame_make(p, LAN, proto, src, sport, dst, dport, flags);
	want.bytes[ETHER + 8] = 63;
	frame_seal(&want);
	return f->len == want.len && !memcmp(f->bytes + 12, want.bytes + 12, want.len - 12);
}

/* ---- one for all tests of a file, as the verifier takes its time ---- */

static const char plane_no_rights[] = "this user or kernel does not load programs";
static struct plane plane;
static int plane_state;

/* For cmocka_run_group_tests. */
static inline int plane_group(void **state)
{
	(void)state;
	plane_state = plane_may_not() ? CHILD_SKIPS : plane_make(&plane) ? 1 : 0;
	return 0;
}

/* No flow is left, and nothing that a test has set. */
static inline void plane_forget(struct plane *p)
{
	const struct bpf_memory *all[] = {&p->flows, &p->mappings, &p->pools,
					  &p->legs,  &p->ports,	   &p->forwards,
					  &p->rules, &p->rates,	   &p->mapping_index};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		memset(all[i]->base, 0, all[i]->len);
	plane_fill_settings(p);
}

/* In each test's child. */
#define PLANE_BEGIN()                                                                              \
	do {                                                                                       \
		if (plane_state == CHILD_SKIPS)                                                    \
			return CHILD_SKIPS;                                                        \
		CHILD_CHECK(plane_state == 0);                                                     \
		plane_forget(&plane);                                                              \
	} while (0)

#endif
