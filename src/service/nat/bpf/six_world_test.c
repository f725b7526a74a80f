#include "service/nat/bpf/six_world_test.h"

#include "service/nat/bpf/object.h"

#include <linux/bpf.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/netns.h"

struct world world; /* why-global: one process has one */

static const uint8_t macs[DEVICES][2][6] = {
	{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 0x10}},
	{{2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 0xfe}},
};

/* ---- the namespace ---- */

static const char network[] = "link set lo up\n"
			      "link add lan0 address 02:00:00:00:00:01 type veth peer name lan1\n"
			      "link add wan0 address 02:00:00:00:00:02 type veth peer name wan1\n"
			      "link set lan1 up\nlink set wan1 up\n"
			      "link set lan0 up\nlink set wan0 up\n"
			      "addr add 10.1.0.1/24 dev lan0\naddr add 203.0.113.1/24 dev wan0\n"
			      "addr add 2001:db8:1::1/64 dev lan0 nodad\n"
			      "addr add fd01:203:405:1::1/64 dev lan0 nodad\n"
			      "addr add 2001:db8:f::1/64 dev wan0 nodad\n"
			      "route add default via 203.0.113.254\n"
			      "route add default via 2001:db8:f::fe\n"
			      "neigh add 203.0.113.254 lladdr 02:00:00:00:00:fe dev wan0\n"
			      "neigh add 2001:db8:f::fe lladdr 02:00:00:00:00:fe dev wan0\n"
			      "neigh add 2001:db8:1::10 lladdr 02:00:00:00:00:10 dev lan0\n"
			      "neigh add 2001:db8:1::11 lladdr 02:00:00:00:00:10 dev lan0\n"
			      "neigh add fd01:203:405:1::1234 lladdr 02:00:00:00:00:10 dev lan0\n"
			      "neigh add fd01:203:405:1::5 lladdr 02:00:00:00:00:10 dev lan0\n";

static bool write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	if (!f)
		return false;
	bool good = fputs(text, f) >= 0;
	return fclose(f) == 0 && good;
}

static bool make_network(void)
{
	FILE *ip = popen("ip -batch -", "w");
	if (!ip || fputs(network, ip) < 0 || pclose(ip) != 0)
		return false;
	world.ifindex[LAN] = if_nametoindex("lan0");
	world.ifindex[WAN] = if_nametoindex("wan0");
	return write_text("/proc/sys/net/ipv4/ip_forward", "1") &&
	       write_text("/proc/sys/net/ipv6/conf/all/forwarding", "1");
}

/* ---- tables ---- */

void world_put(const char *table, const void *key, const void *value)
{
	struct bpf_table t;
	assert_int_equal(bpf_set_table(world.set, table, &t), OK);
	assert_int_equal(bpf_table_put(&t, key, value, BPF_PUT), OK);
}

void world_get(const char *table, const void *key, void *ret)
{
	struct bpf_table t;
	assert_int_equal(bpf_set_table(world.set, table, &t), OK);
	assert_int_equal(bpf_table_get(&t, key, ret), OK);
}

uint64_t world_count(enum nat_counter counter)
{
	static struct nat_counts counts[1024];
	struct bpf_table t;
	uint32_t zero = 0;
	uint64_t sum = 0;
	assert_int_equal(bpf_set_table(world.set, "counters", &t), OK);
	assert_true(t.value_room <= sizeof(counts));
	assert_int_equal(bpf_table_get(&t, &zero, counts), OK);
	for (size_t i = 0; i < t.cpus; i++)
		sum += ((const struct nat_counts *)((const uint8_t *)counts +
						    i * (t.value_room / t.cpus)))
			       ->n[counter];
	return sum;
}

static void zero_array(const char *name)
{
	struct bpf_table t;
	struct bpf_memory m;
	assert_int_equal(bpf_set_table(world.set, name, &t), OK);
	assert_int_equal(bpf_table_map(&t, true, &m), OK);
	memset(m.base, 0, m.len);
	bpf_memory_done(&m);
}

static void empty_hash(const char *name)
{
	struct bpf_table t;
	uint8_t key[64];
	assert_int_equal(bpf_set_table(world.set, name, &t), OK);
	while (!bpf_table_next(&t, NULL, key))
		assert_int_equal(bpf_table_remove(&t, key), OK);
}

void world_forget(void)
{
	zero_array("flow6_index");
	zero_array("flows6");
	zero_array("mapping6_index");
	zero_array("mappings6");
	zero_array("pools");
	zero_array("ports");
	zero_array("answers6");
	empty_hash("fragments6");
	empty_hash("hosts");
}

static void put_device(int device, uint8_t zone, uint16_t flags)
{
	struct nat_device d = {.ifindex = world.ifindex[device],
			       .mtu = 1500,
			       .flags = flags | NAT_DEVICE_ETHER,
			       .zone = zone,
			       .public_n = device == WAN};
	uint32_t slot = d.ifindex & (NAT_DEVICES - 1);
	memcpy(d.mac, macs[device][0], 6);
	world_put("devices", &slot, &d);
}

static void put_port(int device)
{
	world_put("xdp_ports", &world.ifindex[device], &world.ifindex[device]);
}

static void put_source(const char *prefix, uint32_t bits, uint8_t zone)
{
	struct nat_address6 a = six(prefix);
	struct nat_source_key6 key = {.bits = bits};
	struct nat_source source = {.zone = zone};
	memcpy(key.address, a.octets, 16);
	world_put("sources6", &key, &source);
}

static void put_own(int device, const char *address, uint32_t flags)
{
	struct nat_address6 a = six(address);
	put_source(address, 128, NAT_ZONE_GATEWAY);
	world_put("locals6", &a, &flags);
	world_put("answerers6", &world.ifindex[device], &a);
}

static void put_rules(void)
{
	struct nat_rule inside = {.from = 1 << NAT_ZONE_INSIDE,
				  .to = UINT32_MAX,
				  .action = NAT_ALLOW,
				  .src_last = 65535,
				  .dst_last = 65535};
	struct nat_rule web = {.from = 1 << NAT_ZONE_OUTSIDE,
			       .to = UINT32_MAX,
			       .action = NAT_ALLOW,
			       .proto = 6,
			       .src_last = 65535,
			       .dst_first = 80,
			       .dst_last = 80};
	struct nat_rule loud = {.from = UINT32_MAX,
				.to = UINT32_MAX,
				.action = NAT_REJECT,
				.src_last = 65535,
				.dst_first = 9,
				.dst_last = 9};
	uint32_t n = 1;
	world_put("rules", &n, &loud);
	n++;
	world_put("rules", &n, &inside);
	n++;
	world_put("rules", &n, &web);
}

static void put_settings(void)
{
	uint32_t zero = 0;
	struct nat_settings s = {.flags = NAT_SETTING_FORWARDING,
				 .sets = {{.rule_first = 1, .rules_n = 3, .forward_first = 1}},
				 .hop_gen = 1,
				 .rules_gen = 1,
				 .host_flows_max = 100,
				 .port_low = 1024,
				 .port_high = 65535,
				 .events_s = 100};
	struct nat_settings6 s6 = {.seed = {1, 2, 3, 4, 5},
				   .flow_mask = (1 << 14) - 1,
				   .mapping_mask = (1 << 13) - 1,
				   .flows_max = 1000,
				   .mappings_max = 1000,
				   .flags = NAT_SETTING6_ROUTE};
	struct nat_public public = {.address = four("203.0.113.1"), .ifindex = world.ifindex[WAN]};
	struct nat_local local = {.flags = NAT_LOCAL_HERE};
	__be32 own = public.address;
	for (int i = 0; i < NAT_IDLE_N; i++)
		s.idle[i] = 1000;
	world_put("settings", &zero, &s);
	world_put("settings6", &zero, &s6);
	world_put("publics", &zero, &public);
	world_put("locals4", &own, &local);
}

int world_setup(void **state)
{
	int ns;
	(void)state;
	if (bpf_may_load() || netns_new(&ns))
		return 0; /* world.set says it to the tests */
	assert_int_equal(netns_enter(ns), OK);
	assert_true(make_network());
	struct bpf_set *set = NULL;
	assert_int_equal(
		bpf_set_open(span_of(nat_bpf_object, (size_t)(nat_bpf_object_end - nat_bpf_object)),
			     "nat", &set),
		OK);
	enum err e = bpf_set_load(set);
	if (e)
		fail_msg("%s", bpf_set_trouble(set));
	world.set = set;
	put_device(LAN, NAT_ZONE_INSIDE, NAT_DEVICE_XDP_SEND);
	put_device(WAN, NAT_ZONE_OUTSIDE, NAT_DEVICE_OUTSIDE | NAT_DEVICE_XDP_SEND);
	put_source("2001:db8:1::", 64, NAT_ZONE_INSIDE);
	put_source("fd01:203:405::", 48, NAT_ZONE_INSIDE);
	put_source("fc00::", 7, NAT_ZONE_BOGON);
	put_own(LAN, "fd01:203:405:1::1", NAT_LOCAL_HERE);
	put_own(LAN, "2001:db8:1::1", NAT_LOCAL_HERE | NAT_LOCAL_OUTSIDE);
	put_own(WAN, "2001:db8:f::1", NAT_LOCAL_HERE | NAT_LOCAL_OUTSIDE);
	put_port(LAN);
	put_port(WAN);
	put_rules();
	put_settings();
	return 0;
}

int world_teardown(void **state)
{
	(void)state;
	bpf_set_free(world.set);
	return 0;
}

/* ---- packets ---- */

struct nat_address6 six(const char *text)
{
	struct nat_address6 a;
	assert_int_equal(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

__be32 four(const char *text)
{
	__be32 a;
	assert_int_equal(inet_pton(AF_INET, text, &a), 1);
	return a;
}

void frame_add(struct frame *f, const void *bytes, size_t len)
{
	assert_true(f->len + len <= FRAME_MAX);
	if (len)
		memcpy(f->bytes + f->len, bytes, len);
	f->len += len;
}

static void add_16(struct frame *f, uint16_t word)
{
	frame_add(f, (const uint8_t[]){(uint8_t)(word >> 8), (uint8_t)word}, 2);
}

static void add_octets(struct frame *f, size_t len)
{
	for (size_t i = 0; i < len; i++)
		frame_add(f, &(uint8_t){(uint8_t)i}, 1);
}

void frame_begin(struct frame *f, int device, uint16_t proto)
{
	f->len = 0;
	frame_add(f, macs[device][0], 6);
	frame_add(f, macs[device][1], 6);
	add_16(f, proto);
}

void frame_six(struct frame *f, const char *src, const char *dst, uint8_t next, uint8_t hops,
	       size_t payload_len)
{
	struct nat_address6 ends[2] = {six(src), six(dst)};
	frame_add(f, (const uint8_t[]){0x60, 0, 0, 0}, 4);
	add_16(f, (uint16_t)payload_len);
	frame_add(f, (const uint8_t[]){next, hops}, 2);
	frame_add(f, ends, sizeof(ends));
}

static uint32_t sum_of(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void put_sum(uint8_t *at, uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

void frame_four(struct frame *f, const char *src, const char *dst, uint8_t proto, uint8_t ttl,
		size_t payload_len)
{
	__be32 ends[2] = {four(src), four(dst)};
	size_t at = f->len;
	frame_add(f, (const uint8_t[]){0x45, 0}, 2);
	add_16(f, (uint16_t)(20 + payload_len));
	frame_add(f, (const uint8_t[]){0, 0, 0, 0, ttl, proto, 0, 0}, 8);
	frame_add(f, ends, sizeof(ends));
	put_sum(f->bytes + at + 10, sum_of(f->bytes + at, 20));
}

void frame_four_cut(struct frame *f, size_t at, uint16_t id, uint16_t flags)
{
	uint8_t *ip = f->bytes + at;
	ip[4] = (uint8_t)(id >> 8);
	ip[5] = (uint8_t)id;
	ip[6] = (uint8_t)(flags >> 8);
	ip[7] = (uint8_t)flags;
	ip[10] = ip[11] = 0;
	put_sum(ip + 10, sum_of(ip, 20));
}

void frame_sum(struct frame *f, size_t ip, size_t l4, uint8_t proto)
{
	size_t len = f->len - l4, at = l4 + (proto == 6 ? 16 : proto == 17 ? 6 : 2);
	bool is_six = f->bytes[ip] >> 4 == 6;
	uint32_t sum = 0;
	f->bytes[at] = f->bytes[at + 1] = 0;
	if (proto != 1)
		sum = proto + (uint32_t)len +
		      (is_six ? sum_of(f->bytes + ip + 8, 32) : sum_of(f->bytes + ip + 12, 8));
	put_sum(f->bytes + at, sum + sum_of(f->bytes + l4, len));
	if (proto == 17 && f->bytes[at] == 0 && f->bytes[at + 1] == 0)
		f->bytes[at] = f->bytes[at + 1] = 0xff;
}

/* From an Ethernet header on. */
static void begin(struct frame *f, int device, bool is_six, const char *src, const char *dst,
		  const uint8_t proto_hops[2], size_t len)
{
	memset(f, 0, sizeof(*f));
	frame_begin(f, device, is_six ? 0x86dd : 0x0800);
	if (is_six)
		frame_six(f, src, dst, proto_hops[0], proto_hops[1], len);
	else
		frame_four(f, src, dst, proto_hops[0], proto_hops[1], len);
}

static void add_udp(struct frame *f, uint16_t sport, uint16_t dport, size_t payload_len)
{
	size_t l4 = f->len;
	add_16(f, sport);
	add_16(f, dport);
	add_16(f, (uint16_t)(8 + payload_len));
	add_16(f, 0);
	add_octets(f, payload_len);
	frame_sum(f, ETHER, l4, 17);
}

struct frame udp_six(int device, const char *src, uint16_t sport, const char *dst, uint16_t dport,
		     size_t payload_len, uint8_t hops)
{
	struct frame f;
	begin(&f, device, true, src, dst, (uint8_t[]){17, hops}, 8 + payload_len);
	add_udp(&f, sport, dport, payload_len);
	return f;
}

struct frame udp_four(int device, const char *src, uint16_t sport, const char *dst, uint16_t dport,
		      size_t payload_len, uint8_t ttl)
{
	struct frame f;
	begin(&f, device, false, src, dst, (uint8_t[]){17, ttl}, 8 + payload_len);
	add_udp(&f, sport, dport, payload_len);
	return f;
}

static void add_tcp(struct frame *f, uint16_t sport, uint16_t dport, uint8_t flags)
{
	size_t l4 = f->len;
	add_16(f, sport);
	add_16(f, dport);
	add_octets(f, 8);
	frame_add(f, (const uint8_t[]){0x50, flags, 1, 0, 0, 0, 0, 0}, 8);
	frame_sum(f, ETHER, l4, 6);
}

struct frame tcp_six(int device, const char *src, uint16_t sport, const char *dst, uint16_t dport,
		     uint8_t flags, uint8_t hops)
{
	struct frame f;
	begin(&f, device, true, src, dst, (uint8_t[]){6, hops}, 20);
	add_tcp(&f, sport, dport, flags);
	return f;
}

struct frame tcp_four(int device, const char *src, uint16_t sport, const char *dst, uint16_t dport,
		      uint8_t flags, uint8_t ttl)
{
	struct frame f;
	begin(&f, device, false, src, dst, (uint8_t[]){6, ttl}, 20);
	add_tcp(&f, sport, dport, flags);
	return f;
}

static void add_icmp(struct frame *f, uint8_t type, uint8_t code, uint32_t value)
{
	frame_add(f, (const uint8_t[]){type, code, 0, 0}, 4);
	add_16(f, (uint16_t)(value >> 16));
	add_16(f, (uint16_t)value);
}

struct frame echo_six(int device, const char *src, const char *dst, uint8_t type, uint16_t id,
		      uint8_t hops)
{
	struct frame f;
	begin(&f, device, true, src, dst, (uint8_t[]){58, hops}, 8 + 32);
	add_icmp(&f, type, 0, (uint32_t)id << 16 | 7);
	add_octets(&f, 32);
	frame_sum(&f, ETHER, ETHER + 40, 58);
	return f;
}

struct frame echo_four(int device, const char *src, const char *dst, uint8_t type, uint16_t id,
		       uint8_t ttl)
{
	struct frame f;
	begin(&f, device, false, src, dst, (uint8_t[]){1, ttl}, 8 + 32);
	add_icmp(&f, type, 0, (uint32_t)id << 16 | 7);
	add_octets(&f, 32);
	frame_sum(&f, ETHER, ETHER + 20, 1);
	return f;
}

struct frame error_six(int device, const char *src, const char *dst, uint8_t type, uint8_t code,
		       uint32_t value, const struct frame *about, size_t quoted_max)
{
	struct frame f;
	size_t n = about->len - ETHER < quoted_max ? about->len - ETHER : quoted_max;
	begin(&f, device, true, src, dst, (uint8_t[]){58, 64}, 8 + n);
	add_icmp(&f, type, code, value);
	frame_add(&f, about->bytes + ETHER, n);
	frame_sum(&f, ETHER, ETHER + 40, 58);
	return f;
}

struct frame error_four(int device, const char *src, const char *dst, uint8_t type, uint8_t code,
			uint32_t value, const struct frame *about, size_t quoted_max)
{
	struct frame f;
	size_t n = about->len - ETHER < quoted_max ? about->len - ETHER : quoted_max;
	begin(&f, device, false, src, dst, (uint8_t[]){1, 64}, 8 + n);
	add_icmp(&f, type, code, value);
	frame_add(&f, about->bytes + ETHER, n);
	frame_sum(&f, ETHER, ETHER + 20, 1);
	return f;
}

struct frame leaving(struct frame f)
{
	uint8_t mac[6];
	memcpy(mac, f.bytes, 6);
	memcpy(f.bytes, f.bytes + 6, 6);
	memcpy(f.bytes + 6, mac, 6);
	return f;
}

/* ---- running ---- */

int run(const char *program, int device, struct frame *f)
{
	struct __sk_buff in = {.ifindex = world.ifindex[device]}, out = {0};
	uint8_t bytes[FRAME_MAX];
	struct bpf_run r = {.in = span_of(f->bytes, f->len),
			    .context_in = &in,
			    .context_in_len = sizeof(in),
			    .context_out = &out,
			    .context_out_len = sizeof(out),
			    .out = bytes,
			    .out_len = sizeof(bytes)};
	int fd;
	assert_int_equal(bpf_set_program(world.set, program, &fd), OK);
	assert_int_equal(bpf_program_run(fd, &r), OK);
	memcpy(f->bytes, bytes, r.out_len);
	f->len = r.out_len;
	world.mark = out.mark;
	return (int)r.ret;
}

int run_xdp(const char *program, int device, struct frame *f)
{
	struct xdp_md in = {.ingress_ifindex = world.ifindex[device], .data_end = (uint32_t)f->len};
	uint8_t bytes[FRAME_MAX];
	struct bpf_run r = {.in = span_of(f->bytes, f->len),
			    .context_in = &in,
			    .context_in_len = sizeof(in),
			    .out = bytes,
			    .out_len = sizeof(bytes)};
	int fd;
	assert_int_equal(bpf_set_program(world.set, program, &fd), OK);
	assert_int_equal(bpf_program_run(fd, &r), OK);
	memcpy(f->bytes, bytes, r.out_len);
	f->len = r.out_len;
	return (int)r.ret;
}

void assert_drops(const char *program, int device, struct frame f, enum nat_counter why)
{
	uint64_t before = world_count(why);
	assert_int_equal(run(program, device, &f), SHOT);
	assert_int_equal(world_count(why) - before, 1);
}

/* Says which counters a program has moved that does not do what was expected. */
static void run_to_send(const char *program, int device, struct frame *f)
{
	uint64_t counts[NAT_C_N];
	for (int i = 0; i < NAT_C_N; i++)
		counts[i] = world_count((enum nat_counter)i);
	int ret = run(program, device, f);
	if (ret == REDIRECT)
		return;
	for (int i = 0; i < NAT_C_N; i++)
		if (world_count((enum nat_counter)i) != counts[i])
			print_message("counter %d moved\n", i);
	fail_msg("the program says %d", ret);
}

static void assert_same(const struct frame *f, const struct frame *want)
{
	for (size_t i = 0; i < f->len && i < want->len; i++)
		if (f->bytes[i] != want->bytes[i])
			fail_msg("octet %zu is %02x and not %02x (%zu, %zu)", i, f->bytes[i],
				 want->bytes[i], f->len, want->len);
	assert_int_equal(f->len, want->len);
}

void assert_sends(const char *program, int device, struct frame f, const struct frame *want)
{
	run_to_send(program, device, &f);
	assert_same(&f, want);
}

void assert_sends_four(const char *program, int device, struct frame f, struct frame want)
{
	run_to_send(program, device, &f);
	frame_four_cut(&want, ETHER, (uint16_t)(f.bytes[ETHER + 4] << 8 | f.bytes[ETHER + 5]),
		       (uint16_t)(want.bytes[ETHER + 6] << 8 | want.bytes[ETHER + 7]));
	assert_same(&f, &want);
}

void assert_passes(const char *program, int device, struct frame f)
{
	struct frame before = f;
	assert_int_equal(run(program, device, &f), PASS);
	assert_memory_equal(f.bytes, before.bytes, before.len);
}
