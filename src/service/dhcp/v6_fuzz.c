/* The whole DHCPv6 server, fed by strangers: datagrams one after another, each behind two octets of
 * length, with time between them. */
#include "proto/dhcp6/relay.h"
#include "service/dhcp/conf6.h"
#include "service/dhcp/v6_engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STORES_MAX = 64 };

static struct {
	struct v6_engine *engine;
	uint64_t now_ms, tokens[STORES_MAX], version;
	size_t tokens_n;
} f;

static void on_send(void *arg, const struct v6_send *s)
{
	struct dhcp6_relay relay;
	struct dhcp6_message m;
	struct span inside = s->message;
	(void)arg;
	while (dhcp6_relay_read(inside, &relay) == OK)
		inside = relay.message;
	ASSERT(dhcp6_message_read(inside, &m) == OK); /* what we say is right by our own reading */
	ASSERT(m.server_id.len && m.type == s->type);
}

static enum err on_store(void *arg, const struct dhcp_store *s)
{
	struct v6_lease_view l;
	(void)arg;
	ASSERT(s->value.len == 0 || v6_lease_read(s->key, s->value, &l) == OK);
	if (f.tokens_n == STORES_MAX)
		return ERR_LIMIT;
	f.tokens[f.tokens_n++] = s->token;
	return OK;
}

static void on_name(void *arg, enum dhcp_name_change change, const struct v6_lease_view *l,
		    const struct v6_network *n)
{
	(void)arg;
	(void)change;
	(void)n;
	ASSERT(l->prefix.bits == 128);
}

static void on_event(void *arg, const struct v6_event *e)
{
	(void)arg;
	ASSERT(e->cause < V6_CAUSES);
}

static struct v6_site *make_site(void)
{
	struct v6_pool_conf pool = {
		.range = {.first = {.family = 6,
				    .bytes = {0x20, 1, 0xd, 0xb8, [7] = 7, [15] = 0x10}},
			  .last = {.family = 6,
				   .bytes = {0x20, 1, 0xd, 0xb8, [7] = 7, [15] = 0x1f}}},
		.allocate = DHCP_AUTOMATIC};
	struct v6_prefix_pool_conf prefixes = {
		.prefix = {.address = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, 0xf0}},
			   .bits = 52},
		.delegated_length = 56,
		.exclude_length = 64};
	struct v6_network_conf network = {
		.subnet = {.address = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, [7] = 7}},
			   .bits = 64},
		.interface = "lan0",
		.pools = {&pool, 1},
		.prefix_pools = {&prefixes, 1},
		.rapid_commit = true,
		.reconfigure = true,
		.create_on_renew = true,
		.decline_ms = 60000};
	struct v6_conf conf = {.networks = {&network, 1},
			       .leases_per_client = 8,
			       .scope = {.preferred_ms = 30000, .valid_ms = 60000}};
	struct v6_site *s = NULL;
	ASSERT(v6_site_new(&conf, &s) == OK);
	return s;
}

static void begin(void)
{
	static const struct v6_effects effects = {
		.send = on_send, .store = on_store, .name = on_name, .event = on_event};
	static const struct v6_limits limits = {.leases = 64, .waiting = 16};
	static const uint8_t secret[32], duid[10] = {0, 3, 0, 1, 2};
	struct hash_key key = {1, 2};
	struct v6_link link = {.ifindex = 2, .name = "lan0"};
	struct v6_site *s = make_site();
	ASSERT(v6_engine_new(s, &limits, &effects, span_of(duid, sizeof(duid)), secret, key,
			     &f.engine) == OK);
	v6_site_unref(s);
	v6_engine_set_links(f.engine, &link, 1);
	f.now_ms = 1800000000000;
	f.tokens_n = 0;
}

static void answer_stores(uint8_t how)
{
	while (f.tokens_n) {
		uint64_t token = f.tokens[--f.tokens_n];
		v6_engine_stored(f.engine, f.now_ms, token,
				 how % 8 == 0	? DHCP_STORE_FAILED
				 : how % 8 == 1 ? DHCP_STORE_CONFLICT
						: DHCP_STORED,
				 ++f.version, (struct span){0});
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(data, size);
	struct v6_arrival a = {.ifindex = 2,
			       .from = {.family = 6, .bytes = {0xfe, 0x80, [15] = 1}},
			       .to = {.family = 6, .bytes = {0xff, 2, [13] = 1, [15] = 2}}};
	begin();
	while (reader_left(&r) > 4) {
		uint16_t len = read_u16(&r);
		uint8_t wait = read_u8(&r), how = read_u8(&r);
		struct span packet = read_span(&r, len < reader_left(&r) ? len : reader_left(&r));
		f.now_ms += wait * 1000u;
		v6_engine_receive(f.engine, f.now_ms, &a, packet);
		if (how & 0x80)
			continue; /* the store takes its time */
		answer_stores(how);
	}
	answer_stores(7);
	f.now_ms += 100000;
	v6_engine_turn(f.engine, f.now_ms);
	struct v6_counts counts;
	v6_engine_counts(f.engine, &counts);
	ASSERT(counts.waiting == 0);
	v6_engine_free(f.engine);
	return 0;
}
