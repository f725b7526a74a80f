/* Our data plane for bench/nat, with tables filled as the service fills them for one inside and one
 * outside device: `nat_start NETNS HOOK FLOWS_MAX PUBLIC,N`, HOOK: xdp, tcx, or peer: tcx with
 * `veth-peers: on`. It says "memory
 * BYTES" of all tables, "ready", and goes when its input ends. Each line of input is answered by
 * how many flows there are: `flows`; or `idle TICKS`, after which all end from now on, walked over
 * as fast as the service does. */
#include "bench/nat_core.h"
#include "service/nat/bpf/object.h"
#include "service/nat/bpf/shared.h"

#include "os/bpf.h"
#include "os/bpf_attach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TICKS_A_SECOND = 7, MTU = 1500, SWEEP_TURNS = 500, SWEEP_TURN_NS = 4000000 };

struct start {
	struct bpf_set *set;
	uint32_t flows_max, pairs, buckets, publics_n, hosts;
	struct in_addr public_first;
	bool xdp, peer;
};

static void die(const struct start *s, const char *what)
{
	fprintf(stderr, "nat_start: %s: %s\n%s\n", what, strerror(errno),
		s->set != NULL ? bpf_set_trouble(s->set) : "");
	exit(1);
}

static void check(const struct start *s, enum err e, const char *what)
{
	if (e) {
		errno = (int)e;
		die(s, what);
	}
}

static void put(const struct start *s, const char *table, const void *key, const void *value)
{
	struct bpf_table t;
	check(s, bpf_set_table(s->set, table, &t), table);
	check(s, bpf_table_put(&t, key, value, BPF_PUT), table);
}

static void put_at(const struct start *s, const char *table, uint32_t at, const void *value)
{
	put(s, table, &at, value);
}

/* ---- the tables ---- */

static void sizes(struct start *s)
{
	/* Five of eight places of each, as the service has it. */
	s->pairs = s->flows_max / 5 * 8 + 1024;
	for (s->buckets = 1024; s->buckets * 9 < s->flows_max; s->buckets *= 2) {
	}
	check(s, bpf_set_entries(s->set, "legs4", s->pairs), "legs4");
	check(s, bpf_set_entries(s->set, "flows4", s->flows_max + 1), "flows4");
	check(s, bpf_set_entries(s->set, "mapping_index", s->buckets), "mapping_index");
	check(s, bpf_set_entries(s->set, "mappings4", s->flows_max + 1), "mappings4");
	check(s, bpf_set_entries(s->set, "ports", NAT_PORT_AT(s->publics_n, 0, 0) / 2), "ports");
}

static void settings(const struct start *s)
{
	struct nat_settings t = {
		.seed = {0x9d3c5b1fe8a74d21, 0x4f1bbcdc8a3b62d7},
		.flow_pairs = s->pairs,
		.mapping_mask = s->buckets - 1,
		.hop_gen = 1,
		.rules_gen = 1,
		.flags = NAT_SETTING_FORWARDING | NAT_SETTING_ANSWER,
		.sets = {{.rule_first = 1, .rules_n = 2, .forward_first = 1}},
		.flows_max = s->flows_max,
		.mappings_max = s->flows_max,
		.host_flows_max = s->flows_max,
		.port_low = 1024,
		.port_high = 65535,
		.events_s = 100,
		.ttl_answers_s = 10,
		/* As the service does it: all in 2 s. */
		.sweep_n = s->flows_max / 500 + 1,
		.sweep_ns = 4000000,
	};
	for (int i = 0; i < NAT_IDLE_N; i++) {
		t.idle[i] = 300 * TICKS_A_SECOND;
	}
	put_at(s, "settings", 0, &t);
	/* The same two questions that the peer's filter asks of a new flow. */
	struct nat_rule rules[] = {
		{.from = 1u << NAT_ZONE_OUTSIDE, .to = 1u << NAT_ZONE_GATEWAY, .action = NAT_DROP},
		{.from = 1u << NAT_ZONE_INSIDE, .to = 1u << NAT_ZONE_OUTSIDE, .action = NAT_ALLOW},
	};
	for (uint32_t i = 0; i < 2; i++) {
		rules[i].src_last = rules[i].dst_last = 65535;
		put_at(s, "rules", i + 1, &rules[i]);
	}
}

static void device(const struct start *s, const char *name, enum nat_zone zone)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) != 0) {
		die(s, name);
	}
	(void)close(fd);
	struct nat_device d = {.ifindex = if_nametoindex(name), .mtu = MTU, .zone = (uint8_t)zone};
	memcpy(d.mac, request.ifr_hwaddr.sa_data, sizeof(d.mac));
	d.flags = NAT_DEVICE_ETHER;
	d.flags |= s->xdp ? NAT_DEVICE_XDP_SEND : 0;
	d.flags |= s->peer ? NAT_DEVICE_PEER : 0;
	d.flags |= zone == NAT_ZONE_OUTSIDE ? NAT_DEVICE_OUTSIDE : 0;
	d.public_n = zone == NAT_ZONE_OUTSIDE ? (uint16_t)s->publics_n : 0;
	put_at(s, "devices", d.ifindex & (NAT_DEVICES - 1), &d);
	if (s->xdp) {
		put_at(s, "xdp_ports", d.ifindex, &d.ifindex);
	}
}

static void source(const struct start *s, const char *network, uint32_t bits, enum nat_zone zone)
{
	struct nat_source_key4 key = {.bits = bits};
	struct nat_source value = {.zone = (uint8_t)zone};
	if (inet_pton(AF_INET, network, &key.address) != 1) {
		die(s, network);
	}
	put(s, "sources4", &key, &value);
}

static void local(const struct start *s, struct in_addr address, uint16_t slot, uint16_t flags)
{
	struct nat_source_key4 key = {.bits = 32, .address = address.s_addr};
	struct nat_source here = {.zone = NAT_ZONE_GATEWAY};
	struct nat_local value = {.public_slot = slot, .flags = flags};
	put(s, "sources4", &key, &here);
	put(s, "locals4", &address.s_addr, &value);
}

static void addresses(const struct start *s, uint32_t outside)
{
	static const char *const own[] = {"10.255.0.1", "198.18.1.1"};
	source(s, "10.64.0.0", 16, NAT_ZONE_INSIDE);
	source(s, "10.255.0.0", 24, NAT_ZONE_INSIDE);
	for (size_t i = 0; i < 2; i++) {
		struct in_addr address;
		if (inet_pton(AF_INET, own[i], &address) == 1) {
			local(s, address, NAT_NO_PUBLIC,
			      NAT_LOCAL_HERE | (i == 1 ? NAT_LOCAL_OUTSIDE : 0));
		}
	}
	for (uint32_t i = 0; i < s->publics_n; i++) {
		struct in_addr address = {htonl(ntohl(s->public_first.s_addr) + i)};
		struct nat_public p = {.address = address.s_addr, .ifindex = outside};
		put_at(s, "publics", i, &p);
		local(s, address, (uint16_t)i, NAT_LOCAL_OUTSIDE | (s->publics_n == 1));
	}
}

/* Bytes that the kernel holds for the tables. */
static uint64_t memory(const struct start *s)
{
	static const char *const tables[] = {"legs4", "flows4", "mapping_index", "mappings4",
					     "ports", "hosts",	"events"};
	uint64_t sum = 0;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		struct bpf_table t;
		char path[64], line[128];
		unsigned long long bytes = 0;
		check(s, bpf_set_table(s->set, tables[i], &t), tables[i]);
		(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", t.fd);
		FILE *f = fopen(path, "re");
		while (f != NULL && fgets(line, sizeof(line), f) != NULL &&
		       sscanf(line, "memlock: %llu", &bytes) != 1) {
		}
		if (f != NULL) {
			(void)fclose(f);
		}
		sum += bytes;
	}
	return sum;
}

/* ---- the programs ---- */

static void attach(const struct start *s, const char *folder, const char *name, enum bpf_hook hook,
		   const char *program)
{
	struct bpf_attachment a;
	int fd;
	enum bpf_way way = hook == BPF_HOOK_XDP ? BPF_WAY_NATIVE : BPF_WAY_TCX;
	check(s, bpf_set_program(s->set, program, &fd), program);
	check(s, bpf_attach(folder, if_nametoindex(name), hook, way, fd, &a), program);
}

static void sweep(const struct start *s)
{
	static const uint8_t nothing[64];
	struct bpf_run run = {.in = span_of(nothing, sizeof(nothing))};
	int fd;
	check(s, bpf_set_program(s->set, "nat_sweep_start", &fd), "nat_sweep_start");
	check(s, bpf_program_run(fd, &run), "nat_sweep_start");
	if (run.ret != 0) {
		die(s, "nat_sweep_start");
	}
}

/* A BPF file system of this process alone: what hangs on it goes with it. */
static const char *pins(const struct start *s)
{
	static const char folder[] = "/mnt";
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("bpf", folder, "bpf", 0, NULL) != 0) {
		die(s, "BPF file system");
	}
	return folder;
}

static void *memory_of(const struct start *s, const char *table)
{
	struct bpf_table t;
	struct bpf_memory memory;
	check(s, bpf_set_table(s->set, table, &t), table);
	check(s, bpf_table_map(&t, true, &memory), table);
	return memory.base;
}

static void serve(const struct start *s)
{
	struct nat_settings *settings = memory_of(s, "settings");
	const volatile struct nat_pool *pools = memory_of(s, "pools");
	char line[64];
	while (fgets(line, sizeof(line), stdin) != NULL) {
		unsigned idle;
		if (sscanf(line, "idle %u", &idle) == 1) {
			settings->sweep_n = s->flows_max / SWEEP_TURNS;
			settings->sweep_ns = SWEEP_TURN_NS;
			for (int i = 0; i < NAT_IDLE_N; i++) {
				settings->idle[i] = idle;
			}
		}
		printf("flows %u\n", pools[NAT_POOL_FLOWS4].used);
		(void)fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct start s = {0};
	char *comma = argc == 5 ? strchr(argv[4], ',') : NULL;
	if (comma == NULL || !core_enter(argv[1])) {
		die(&s, "arguments");
	}
	*comma = '\0';
	s.xdp = strcmp(argv[2], "xdp") == 0;
	s.peer = strcmp(argv[2], "peer") == 0;
	s.flows_max = (uint32_t)strtoul(argv[3], NULL, 10);
	s.publics_n = (uint32_t)strtoul(comma + 1, NULL, 10);
	if (inet_pton(AF_INET, argv[4], &s.public_first) != 1) {
		die(&s, argv[4]);
	}
	struct span object = span_of(nat_bpf_object, (size_t)(nat_bpf_object_end - nat_bpf_object));
	check(&s, bpf_set_open(object, "nat", &s.set), "object");
	sizes(&s);
	check(&s, bpf_set_load(s.set), "verifier");
	settings(&s);
	device(&s, "lan", NAT_ZONE_INSIDE);
	device(&s, "wan", NAT_ZONE_OUTSIDE);
	addresses(&s, if_nametoindex("wan"));
	const char *folder = pins(&s);
	static const char *const names[] = {"lan", "wan"};
	for (size_t i = 0; i < 2; i++) {
		attach(&s, folder, names[i], BPF_HOOK_INGRESS, "nat_tc_in");
		if (s.xdp) {
			attach(&s, folder, names[i], BPF_HOOK_XDP, "nat_xdp");
		}
	}
	attach(&s, folder, "wan", BPF_HOOK_EGRESS, "nat_tc_out");
	sweep(&s);
	printf("memory %llu\nready 1\n", (unsigned long long)memory(&s));
	(void)fflush(stdout);
	serve(&s);
	return 0;
}
