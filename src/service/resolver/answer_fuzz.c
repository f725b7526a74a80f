/* What servers may send: the input is a row of replies, each with two octets of length in front,
 * given to an engine with a question out. The id and the question are set right, so that they are
 * read to the end; the first octet of each chooses how. Once a client asks for A, once one of DNS64
 * for AAAA, which makes A records into such. */
#include "proto/dns/message.h"
#include "proto/dns/type.h"
#include "proto/ip/nat64.h"
#include "proto/ip/prefix.h"
#include "service/resolver/cache.h"
#include "service/resolver/dns64.h"
#include "service/resolver/engine.h"

#include <stdlib.h>

#define REPLIES_MAX 24u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct ask_ref ref;
	struct ip_endpoint to;
	uint8_t question[512];
	size_t len;
	bool out;
} asked;

static void on_answer(void *ctx, const struct asker *to, struct span message)
{
	struct dns_message m;
	(void)ctx;
	(void)to;
	if (dns_message_read(message, &m) != OK)
		abort(); /* what we say ourselves is well-formed */
}

static void on_ask(void *ctx, struct ask_ref ref, enum engine_transport transport,
		   const struct ip_endpoint *to, const struct ip_address *source,
		   struct span message)
{
	struct reader r = reader_of_span(message);
	(void)ctx;
	(void)transport;
	(void)source;
	asked.ref = ref;
	asked.to = *to;
	asked.len = message.len;
	asked.out = true;
	read_bytes(&r, asked.question, message.len);
}

static void on_forget(void *ctx, struct ask_ref ref)
{
	(void)ctx;
	if (ref.serial == asked.ref.serial)
		asked.out = false;
}

static void ask_client(struct engine *e, uint64_t now_us, uint8_t type)
{
	uint8_t query[] = "\0\1\1\0\0\1\0\0\0\0\0\0\003www\007example\003com\0\0\1\0\1";
	struct asker from = {.transport = ENGINE_TCP};
	uint8_t out[65535];
	from.peer.address = ip_address_v4(127, 0, 0, 1);
	query[sizeof(query) - 4] = type;
	(void)engine_query(e, now_us, &from, span_of(query, sizeof(query) - 1), out, sizeof(out));
}

/* The reply with the id of the question that is out, and, if wanted, its question. */
static void give(struct engine *e, uint64_t now_us, struct span reply)
{
	static uint8_t room[65535];
	struct writer w = writer_of(room, sizeof(room));
	struct reader r = reader_of_span(reply);
	uint8_t how = read_u8(&r);
	struct span rest = read_span(&r, reader_left(&r));
	size_t question = asked.len < 12 + 21 ? 0 : 21;
	write_bytes(&w, asked.question, 2);
	if ((how & 1) && rest.len >= 10 && question) {
		write_span(&w, span_sub(rest, 0, 10));
		w.data[2] = (uint8_t)((w.data[2] | 0x80) & ~0x78);
		put_u16(w.data + 4, 1);
		/* Up to the type and class, whatever the name's length: an OPT follows the
		 * question. */
		size_t end = 12;
		while (end < asked.len && asked.question[end])
			end += (size_t)asked.question[end] + 1;
		write_bytes(&w, asked.question + 12, end + 5 - 12);
		write_span(&w, span_sub(rest, 10, rest.len));
	} else {
		write_span(&w, rest);
	}
	if (writer_check(&w) == OK)
		(void)engine_receive(e, now_us, asked.ref, &asked.to, writer_span(&w));
}

static void play(struct reader r, const struct dns64_rules *dns64)
{
	static const struct engine_effects effects = {
		.answer = on_answer, .ask = on_ask, .forget = on_forget};
	static const uint8_t seed[32] = {1};
	static struct delegation roots;
	struct ip_prefix all = {.address = ip_address_v4(0, 0, 0, 0)};
	struct ip_endpoint at = {.address = ip_address_v4(192, 0, 2, 1), .port = 53};
	struct engine_rules rules = {.roots = &roots,
				     .access = &all,
				     .access_n = 1,
				     .upstream = {.ipv4 = true, .ipv6 = true, .loopback = true},
				     .full_answers = true,
				     .ttl_max_s = 86400,
				     .negative_max_s = 3600,
				     .edns_size = 1232,
				     .upstream_port = 53,
				     .dns64 = dns64};
	uint8_t type = dns64 ? DNS_TYPE_AAAA : DNS_TYPE_A;
	struct engine *e = NULL;
	struct cache *c = NULL;
	uint64_t now_us = 1000000;
	delegation_init(&roots, &DNS_NAME_ROOT, DELEGATION_ITERATIVE);
	delegation_add_address(&roots, DELEGATION_NAME_NONE, &at);
	asked.out = false;
	if (cache_new(1 << 20, seed, &c) != OK ||
	    engine_new(&rules, c, 16, seed, &effects, &e) != OK)
		abort();
	ask_client(e, now_us, type);
	for (unsigned i = 0; i < REPLIES_MAX && reader_left(&r) > 2 && asked.out; i++) {
		size_t len = read_u16(&r);
		now_us += 10000;
		give(e, now_us, read_span(&r, len < reader_left(&r) ? len : reader_left(&r)));
	}
	ask_client(e, now_us, type);
	while (engine_next_us(e) != UINT64_MAX) {
		now_us = engine_next_us(e);
		engine_tick(e, now_us);
	}
	if (engine_stats(e)->walks_now)
		abort();
	engine_free(e);
	cache_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ip_prefix all = {.address = {.family = 4}}, excluded = {.address = {.family = 6}};
	struct dns64_map map = {.from = all, .to = ip_nat64_well_known};
	struct dns64_rules dns64 = {.maps = &map,
				    .maps_n = 1,
				    .clients = &all,
				    .clients_n = 1,
				    .exclude = &excluded,
				    .exclude_n = 1};
	excluded.bits = 1; /* half of all addresses */
	play(reader_of(data, size), NULL);
	play(reader_of(data, size), &dns64);
	return 0;
}
