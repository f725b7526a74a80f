/* Random packets through the data plane and the oracle: the same verdict, the same octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/nat/bpf/oracle_test.h"
#include "test/random.h"

enum { PACKETS = 30000, PER_CONFIGURATION = 1500 };
enum { OPTIONS_MAX = 40 };

struct trial {
	struct plane plane;
	struct oracle oracle;
	struct test_random random;
	uint64_t drops[NAT_C_N];
	unsigned cause;	   /* of the last drop: enum nat_counter */
	unsigned seen[3];  /* verdicts */
	unsigned answered; /* of those dropped */
};

static unsigned below(struct trial *t, size_t n)
{
	return (unsigned)test_random_below(&t->random, n);
}

static bool chance(struct trial *t, size_t percent)
{
	return below(t, 100) < percent;
}

/* ---- the configuration, for both ---- */

static const uint32_t any_zone = UINT32_MAX;

static struct nat_rule rule_of(unsigned action, uint32_t from, uint32_t to, uint8_t proto)
{
	return (struct nat_rule){.action = (uint8_t)action,
				 .from = from,
				 .to = to,
				 .proto = proto,
				 .src_last = UINT16_MAX,
				 .dst_last = UINT16_MAX};
}

static void put_rule(struct oracle *o, struct nat_rule rule, uint32_t src, unsigned bits)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (bits) {
		memcpy(rule.src, mapped, 12);
		memcpy(rule.src + 12, &src, 4);
		rule.src_bits = (uint8_t)(96 + bits);
	}
	o->rules[++o->rules_n] = rule;
}

static void random_rules(struct trial *t)
{
	static const uint16_t ports[] = {53, 80, 443, 5000, 8443};
	const uint32_t sources[] = {WORLD(7), WORLD(8), HOST(2), HOST(4), SERVER(2)};
	static const uint8_t protos[] = {0, 1, 6, 17};
	uint32_t zones = 1u << NAT_ZONE_GATEWAY | 1u << NAT_ZONE_OUTSIDE | 1u << NAT_ZONE_INSIDE |
			 1u << ZONE_DMZ;
	for (size_t i = below(t, 5); i > 0; i--) {
		struct nat_rule r = rule_of(NAT_ALLOW + below(t, 3), zones & below(t, 16), any_zone,
					    protos[below(t, 4)]);
		if (chance(t, 30))
			r.to = below(t, 16);
		if (r.proto > 1 && chance(t, 80))
			r.dst_first = r.dst_last = ports[below(t, 5)];
		put_rule(&t->oracle, r, sources[below(t, 5)], below(t, 33));
	}
	t->oracle.rules_own = t->oracle.rules_n;
	struct nat_rule ping =
		rule_of(NAT_ALLOW, 1u << NAT_ZONE_OUTSIDE, 1u << NAT_ZONE_GATEWAY, 1);
	ping.dst_first = 8 << 8;
	ping.dst_last = 8 << 8 | 255;
	put_rule(&t->oracle, ping, 0, 0);
	put_rule(&t->oracle, rule_of(NAT_ALLOW, 1u << NAT_ZONE_INSIDE, any_zone, 0), 0, 0);
	put_rule(&t->oracle, rule_of(NAT_ALLOW, 1u << ZONE_DMZ, 1u << NAT_ZONE_OUTSIDE, 0), 0, 0);
}

/* RFC 6888 REQ-6. */
static void random_plain(struct trial *t)
{
	static const uint8_t protos[] = {0, 1, 6, 17};
	unsigned before = t->oracle.rules_n;
	if (chance(t, 50)) {
		struct nat_rule r = rule_of(NAT_ALLOW, any_zone, any_zone, protos[below(t, 4)]);
		if (r.proto > 1 && chance(t, 50))
			r.dst_first = r.dst_last = 443;
		r.dst_bits = 128;
		memcpy(r.dst, (uint8_t[12]){[10] = 0xff, [11] = 0xff}, 12);
		memcpy(r.dst + 12, &(uint32_t){chance(t, 50) ? WORLD(7) : WORLD(8)}, 4);
		put_rule(&t->oracle, r, 0, 0);
	}
	t->oracle.plain_n = t->oracle.rules_n - before;
}

/* The ports stay; where they lead to and for whom changes. */
static void random_forwards(struct trial *t)
{
	const uint32_t to[] = {SERVER(2), SERVER(3), HOST(2), 0};
	struct oracle *o = &t->oracle;
	unsigned end = o->rules_n - o->plain_n;
	o->forwards[1] = (struct nat_forward4){
		.first = 443, .last = 443, .to_first = htons(8443), .space = NAT_SPACE_TCP};
	o->forwards[2] = (struct nat_forward4){.first = 8000, .last = 8003, .space = NAT_SPACE_UDP};
	o->forwards[3] = (struct nat_forward4){
		.first = 8000, .last = 8001, .to_first = htons(5000), .space = NAT_SPACE_TCP};
	o->forwards_n = 3;
	for (unsigned i = 1; i <= 3; i++) {
		struct nat_forward4 *f = &o->forwards[i];
		f->to = to[below(t, i == 1 ? 3 : 4)];
		f->zone = f->to == HOST(2) ? NAT_ZONE_INSIDE : ZONE_DMZ;
		if (chance(t, 40)) {
			put_rule(o, rule_of(NAT_ALLOW, any_zone, any_zone, 0), WORLD(7), 32);
			f->rule = (uint16_t)o->rules_n;
			f->rules_n = 1;
		}
	}
	for (unsigned i = end; i < o->rules_n; i++)
		ASSERT(i + 1 < ORACLE_RULES);
	o->rules_n = end;
}

static enum err write_configuration(struct trial *t)
{
	struct oracle *o = &t->oracle;
	struct nat_settings *s = plane_settings(&t->plane);
	for (uint32_t i = 1; i < ORACLE_RULES; i++)
		TRY(plane_put(&t->plane, "rules", &i, &o->rules[i]));
	for (uint32_t i = 1; i <= o->forwards_n; i++) {
		const struct nat_forward4 *f = &o->forwards[i];
		TRY(plane_put(&t->plane, "forwards4", &i, f));
		for (unsigned slot = 0; slot < ORACLE_PUBLICS; slot++)
			for (uint32_t port = f->first; port <= f->last; port++)
				*plane_port(&t->plane, slot, f->space, (uint16_t)port) =
					NAT_PORT_FORWARD | i;
	}
	s->sets[0] = (struct nat_set){.rule_first = 1,
				      .rules_n = o->rules_n,
				      .rules_own = (uint16_t)o->rules_own,
				      .plain_n = (uint16_t)o->plain_n,
				      .forward_first = 1,
				      .forwards_n = (uint16_t)o->forwards_n};
	s->rules_gen = (uint16_t)++o->gen;
	return OK;
}

static enum err configure(struct trial *t)
{
	t->oracle.rules_n = 0;
	random_rules(t);
	random_plain(t);
	random_forwards(t);
	return write_configuration(t);
}

static enum err make_host(struct trial *t, uint32_t address, uint32_t flags, uint32_t flows_max)
{
	struct nat_host_key key = {.address = {[10] = 0xff, [11] = 0xff}};
	struct nat_host host = {.flags = flags | NAT_HOST_CONFIGURED,
				.flows_max = flows_max,
				.public_slot = NAT_NO_PUBLIC};
	memcpy(key.address + 12, &address, 4);
	t->oracle.hosts[t->oracle.hosts_n++] =
		(struct oracle_host){.address = address, .flags = flags, .flows_max = flows_max};
	return plane_put(&t->plane, "hosts", &key, &host);
}

static enum err make_site(struct trial *t)
{
	struct plane *p = &t->plane;
	TRY(plane_make(p));
	struct nat_device *devices = p->devices.base;
	for (unsigned i = 0; i < NAT_IDLE_N; i++) /* longer than the trial */
		plane_settings(p)->idle[i] = 1 << 16;
	devices[p->ifindex[WAN] & (NAT_DEVICES - 1)].public_n = 2;
	((struct nat_public *)p->publics.base)[1] =
		(struct nat_public){.address = PUBLIC(2), .ifindex = p->ifindex[WAN]};
	TRY(plane_local(p, PUBLIC(2), 1, NAT_LOCAL_OUTSIDE));
	t->oracle.publics[0] = PUBLIC(1);
	t->oracle.publics[1] = PUBLIC(2);
	t->oracle.kept[0] = (struct oracle_end){6, 80};
	t->oracle.kept[1] = (struct oracle_end){17, 53};
	for (unsigned slot = 0; slot < ORACLE_PUBLICS; slot++) {
		*plane_port(p, slot, NAT_SPACE_TCP, 80) = NAT_PORT_GATEWAY;
		*plane_port(p, slot, NAT_SPACE_UDP, 53) = NAT_PORT_GATEWAY;
	}
	TRY(make_host(t, HOST(2), NAT_HOST_FORWARDED, 1000));
	TRY(make_host(t, HOST(3), NAT_HOST_OPEN | NAT_HOST_PARITY, 1000));
	TRY(make_host(t, HOST(4), NAT_HOST_OPEN | NAT_HOST_MAP_ADDRESS, 1000));
	TRY(make_host(t, HOST(5), NAT_HOST_MAP_ENDPOINT, 60));
	TRY(make_host(t, SERVER(2), NAT_HOST_FORWARDED, 1000));
	TRY(make_host(t, SERVER(3), NAT_HOST_OPEN | NAT_HOST_FORWARDED, 1000));
	return configure(t);
}

/* ---- packets ---- */

struct made {
	unsigned zone; /* NAT_ZONE_GATEWAY: sent by the machine */
	uint8_t proto;
	struct oracle_end src, dst;
};

static uint8_t random_proto(struct trial *t)
{
	static const uint8_t protos[] = {6, 6, 6, 6, 17, 17, 17, 17, 1, 1, 50, 99};
	return protos[below(t, 12)];
}

static uint16_t random_port(struct trial *t)
{
	static const uint16_t ports[] = {5000, 5000, 5001, 5001, 80, 53, 443, 8443, 8000, 8001};
	return chance(t, 2) ? 0 : ports[below(t, 10)];
}

static uint32_t random_far(struct trial *t)
{
	const uint32_t far[] = {WORLD(7), WORLD(7), WORLD(8), WORLD(9), PUBLIC(3)};
	return far[below(t, 5)];
}

static uint32_t random_host(struct trial *t, unsigned zone)
{
	return zone == NAT_ZONE_INSIDE ? HOST(2 + below(t, 4)) : SERVER(2 + below(t, 2));
}

static uint32_t anywhere(struct trial *t)
{
	const uint32_t odd[] = {IP4(10, 1, 2, 3),      HOST(3),	 SERVER(3), PUBLIC(1),
				IP4(192, 168, 1, 1),   HOST(77), WORLD(1),  0,
				IP4(192, 168, 99, 99), PUBLIC(2)};
	return odd[below(t, 10)];
}

static struct oracle_end random_public(struct trial *t)
{
	const struct oracle *o = &t->oracle;
	if (o->mappings_n > 0 && chance(t, 70))
		return o->mappings[below(t, o->mappings_n)].outside;
	return (struct oracle_end){PUBLIC(1 + below(t, 2)), random_port(t)};
}

static struct made made_inside(struct trial *t)
{
	struct made m = {.zone = NAT_ZONE_INSIDE + below(t, 2), .proto = random_proto(t)};
	m.src = (struct oracle_end){random_host(t, m.zone), random_port(t)};
	m.dst = (struct oracle_end){random_far(t), random_port(t)};
	if (chance(t, 25))
		m.dst = random_public(t);
	else if (chance(t, 20))
		m.dst.address = random_host(t, NAT_ZONE_INSIDE + below(t, 2));
	else if (chance(t, 4))
		m.src.address = anywhere(t);
	if (chance(t, 3))
		m.dst.address = IP4(192, 168, 1, 1);
	return m;
}

static struct made made_outside(struct trial *t)
{
	struct made m = {.zone = NAT_ZONE_OUTSIDE, .proto = random_proto(t)};
	m.src = (struct oracle_end){random_far(t), random_port(t)};
	m.dst = random_public(t);
	if (chance(t, 4))
		m.src.address = anywhere(t);
	if (chance(t, 4))
		m.dst.address = anywhere(t);
	return m;
}

static struct made made_own(struct trial *t)
{
	struct made m = {.zone = NAT_ZONE_GATEWAY, .proto = random_proto(t)};
	m.src = (struct oracle_end){chance(t, 90) ? PUBLIC(1) : anywhere(t), random_port(t)};
	m.dst = (struct oracle_end){random_far(t), random_port(t)};
	return m;
}

static struct made made_of_flow(struct trial *t)
{
	const struct oracle_flow *f = &t->oracle.flows[below(t, t->oracle.flows_n)];
	const struct oracle_way *way = &f->way[below(t, 2)];
	return (struct made){way->zone, f->proto, way->src, way->dst};
}

static struct made random_packet(struct trial *t)
{
	size_t n = below(t, 100);
	if (t->oracle.flows_n > 0 && (n < 40 || t->oracle.flows_n > ORACLE_FLOWS - 100))
		return made_of_flow(t);
	return n < 70 ? made_inside(t) : n < 92 ? made_outside(t) : made_own(t);
}

static unsigned device_of(unsigned zone)
{
	return zone == NAT_ZONE_INSIDE ? LAN : zone == ZONE_DMZ ? DMZ : WAN;
}

static uint32_t own_address(unsigned zone)
{
	return zone == NAT_ZONE_INSIDE ? HOST(1) : zone == ZONE_DMZ ? SERVER(1) : PUBLIC(1);
}

/* Room for IP options behind the header of a frame that has none. */
static void add_options(struct trial *t, struct frame *f)
{
	static const uint8_t kinds[] = {1, 1, 148, 148, 7, 131, 137, 0};
	uint8_t *ip = f->bytes + ETHER;
	size_t n = 4 * (1 + below(t, OPTIONS_MAX / 4));
	memmove(ip + IP + n, ip + IP, f->len - ETHER - IP);
	memset(ip + IP, 1, n);
	/* Behind as many of one octet as there may be, too. */
	uint8_t *option = ip + IP + (chance(t, 50) ? 0 : n - 1 - below(t, 2));
	*option = kinds[below(t, 8)];
	if (option + 1 < ip + IP + n)
		option[1] = (uint8_t)(*option == 1 ? 1 : chance(t, 90) ? 4 : below(t, 256));
	ip[0] = (uint8_t)(0x45 + n / 4);
	f->len += n;
	frame_put16(ip + 2, (uint32_t)(f->len - ETHER));
}

static void seal_ip(struct frame *f)
{
	uint8_t *ip = f->bytes + ETHER;
	frame_put16(ip + 10, 0);
	frame_put16(ip + 10, ~frame_sum(ip, (ip[0] & 15u) * 4, 0) & 0xffff);
}

static struct frame build(struct trial *t, const struct made *m)
{
	static const uint8_t flags[] = {2, 2, 2, 2, 18, 16, 16, 24, 17, 4, 20, 0, 3, 6, 41};
	static const uint8_t ttls[] = {64, 64, 64, 64, 64, 64, 64, 255, 2, 1, 0};
	bool query = m->dst.port == 0 || m->proto != 1 || chance(t, 50);
	struct frame f = frame_make(&t->plane, device_of(m->zone), m->proto, m->src.address,
				    m->src.port, m->dst.address, query ? 0 : m->dst.port,
				    flags[below(t, chance(t, 80) ? 8 : 15)]);
	uint8_t *ip = f.bytes + ETHER, *l4 = ip + IP;
	if (m->proto == 6 || m->proto == 17)
		frame_put16(l4 + 2, m->dst.port);
	if (m->proto == 1) {
		l4[0] = query ? 8 : 0;
		frame_put16(l4 + 4, query ? m->src.port : m->dst.port);
		if (chance(t, 10))
			l4[0] = (uint8_t)(query ? 13 : 14);
		if (chance(t, 3))
			l4[0] = (uint8_t)below(t, 20);
	}
	test_random_fill(&t->random, f.bytes + f.len - 32, 32);
	f.len -= below(t, 32);
	ip[1] = (uint8_t)(below(t, 4) * 8); /* class */
	ip[8] = ttls[below(t, 11)];
	frame_seal(&f);
	if (m->proto == 17 && chance(t, 20))
		frame_put16(l4 + 6, 0);
	else if (chance(t, 4))
		l4[2] ^= 0x10; /* a port; a sum of ICMP */
	if (chance(t, 6))
		add_options(t, &f);
	seal_ip(&f);
	if (chance(t, 10))
		f.len += below(t, 20); /* padding of the link */
	if (chance(t, 5)) {
		f.bytes[ETHER + below(t, f.len - ETHER)] ^= (uint8_t)(1u << below(t, 8));
		if (chance(t, 50))
			seal_ip(&f);
	}
	return f;
}

/* ---- both ---- */

/* As the kernel does: what XDP leaves alone goes on to tc. */
static int run_program(struct trial *t, unsigned zone, struct frame *f)
{
	unsigned device = device_of(zone);
	struct frame before = *f;
	if (zone == NAT_ZONE_GATEWAY) {
		int did = plane_run(&t->plane, "nat_tc_out", WAN, f);
		return did == VERDICT_TC_PASS	? ORACLE_PASS
		       : did == VERDICT_TC_DROP ? ORACLE_DROP
						: -1;
	}
	if (chance(t, 50)) {
		int did = plane_run(&t->plane, "nat_xdp", device, f);
		if (did == XDP_REDIRECT || did == XDP_DROP)
			return did == XDP_DROP ? ORACLE_DROP : ORACLE_SEND;
		if (did != XDP_PASS || f->len != before.len ||
		    memcmp(f->bytes, before.bytes, f->len) != 0)
			return -1;
	}
	int did = plane_run(&t->plane, "nat_tc_in", device, f);
	return did == VERDICT_TC_PASS	? ORACLE_PASS
	       : did == VERDICT_TC_DROP ? ORACLE_DROP
	       : did == VERDICT_TC_SEND ? ORACLE_SEND
					: -1;
}

/* Whether the counters of causes say that so many packets more were dropped; for which. */
static bool counts_right(struct trial *t, unsigned dropped)
{
	unsigned n = 0;
	for (unsigned c = NAT_C_DROP_FORMAT; c <= NAT_C_DROP_QUIC; c++) {
		uint64_t now = plane_count(&t->plane, (enum nat_counter)c);
		if (now != t->drops[c])
			t->cause = c;
		n += (unsigned)(now - t->drops[c]);
		t->drops[c] = now;
	}
	return n == dropped;
}

/* The kernel's own way leaves the link addresses as they are; ours are those of the next hop. */
static bool link_right(const struct trial *t, const struct frame *in, const struct frame *got)
{
	static const uint8_t hop[5] = {2, 0, 0, 0, 0};
	const uint8_t *dst = got->bytes + ETHER + 16;
	uint32_t to;
	memcpy(&to, dst, 4);
	unsigned device = (to & htonl(0xffffff00)) == HOST(0)	  ? LAN
			  : (to & htonl(0xffffff00)) == SERVER(0) ? DMZ
								  : WAN;
	uint8_t last = device != WAN || (to & htonl(0xffffff00)) == PUBLIC(0) ? dst[3] : 254;
	if (!memcmp(in->bytes, got->bytes, 12))
		return true;
	return !memcmp(got->bytes, hop, 5) && got->bytes[5] == last &&
	       !memcmp(got->bytes + 6, t->plane.mac[device], 6);
}

static void show(const char *what, int verdict, const struct frame *f)
{
	(void)fprintf(stderr, "%s: verdict %d\n", what, verdict);
	for (size_t i = ETHER; i < f->len; i++)
		(void)fprintf(stderr, "%02x%s", f->bytes[i], i % 4 == 1 ? " " : "");
	(void)fprintf(stderr, "\n");
}

static bool agree(struct trial *t, unsigned n)
{
	struct made m = random_packet(t);
	struct frame in = build(t, &m), got = in, want;
	struct oracle_packet p;
	if (oracle_read(&in, m.zone, &p) && p.foreign)
		return true;
	int did = run_program(t, m.zone, &got);
	enum oracle_verdict must = oracle_step(&t->oracle, m.zone, &in, &got, &want);
	bool counted = counts_right(t, must == ORACLE_DROP);
	t->seen[must]++;
	if (must == ORACLE_DROP && did == ORACLE_SEND && counted && m.zone != NAT_ZONE_GATEWAY &&
	    (oracle_answer_right(&in, &got, own_address(m.zone), t->oracle.answer) ||
	     oracle_answer_right(&in, &got, own_address(m.zone), t->oracle.answer_too))) {
		t->answered++;
		return true;
	}
	if (did == (int)must && counted &&
	    (must == ORACLE_DROP ||
	     (got.len == want.len && !memcmp(got.bytes + 12, want.bytes + 12, want.len - 12) &&
	      (must == ORACLE_PASS || link_right(t, &in, &got)))))
		return true;
	(void)fprintf(stderr, "packet %u, zone %u: %s%s; last drop: counter %u\n", n, m.zone,
		      t->oracle.why, counted ? "" : ", or counted otherwise", t->cause);
	show("came in", 0, &in);
	show("program", did, &got);
	show("oracle", (int)must, &want);
	return false;
}

static int try_packets(void)
{
	static struct trial t;
	if (plane_may_not())
		return CHILD_SKIPS;
	t.random = test_random_begin();
	CHILD_CHECK(!make_site(&t));
	for (unsigned n = 0; n < PACKETS; n++) {
		if (n % PER_CONFIGURATION == PER_CONFIGURATION - 1)
			CHILD_CHECK(!configure(&t));
		CHILD_CHECK(agree(&t, n));
	}
	/* All of it was tried, and not one thing over and over. */
	(void)fprintf(stderr,
		      "%u dropped (%u answered), %u passed, %u sent; %u flows, %u mappings\n",
		      t.seen[ORACLE_DROP], t.answered, t.seen[ORACLE_PASS], t.seen[ORACLE_SEND],
		      t.oracle.flows_n, t.oracle.mappings_n);
	CHILD_CHECK(t.seen[ORACLE_DROP] > 1000 && t.seen[ORACLE_PASS] > 1000 &&
		    t.seen[ORACLE_SEND] > 1000 && t.oracle.mappings_n > 100 && t.answered > 10);
	bpf_set_free(t.plane.set);
	return 0;
}

static void does_what_the_rfcs_say_with_random_packets(void **state)
{
	(void)state;
	assert_child(try_packets, "this user or kernel does not load programs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(does_what_the_rfcs_say_with_random_packets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
