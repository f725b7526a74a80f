/* The stage of the engine's tests: one engine, one client, and servers that the test plays. Knows
 * no particular conversation. */
#ifndef RESOLVER_STAGE_TEST_H
#define RESOLVER_STAGE_TEST_H

#include "proto/dns/type.h"
#include "proto/ip/prefix.h"
#include "service/resolver/walk.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* One engine, what it asked and what it answered; servers are played by the tests. */
static struct {
	struct cache *cache;
	struct engine *engine;
	struct engine_rules rules;
	struct delegation roots;
	struct ip_prefix access[2];
	struct engine_zone zones[2];
	struct ip_endpoint forward, stub;
	uint64_t now_us;
	unsigned asked, answered;
	struct {
		struct ask_ref ref;
		enum engine_transport transport;
		struct ip_endpoint to;
		uint8_t bytes[512];
		size_t len;
		struct dns_message message;
	} ask;
	uint8_t answer[65535];
	size_t answer_len;
	struct dns_message reply;
} t;

static inline struct dns_name name_of(const char *text)
{
	struct dns_name name;
	assert_int_equal(dns_name_from_text(span_text(text), NULL, &name), OK);
	return name;
}

static inline void on_answer(void *ctx, const struct asker *to, struct span message)
{
	(void)ctx;
	(void)to;
	t.answered++;
	t.answer_len = message.len;
	memcpy(t.answer, message.data, message.len);
}

static inline void on_ask(void *ctx, struct ask_ref ref, enum engine_transport transport,
			  const struct ip_endpoint *to, const struct ip_address *source,
			  struct span message)
{
	(void)ctx;
	assert_null(source);
	t.asked++;
	t.ask.ref = ref;
	t.ask.transport = transport;
	t.ask.to = *to;
	t.ask.len = message.len;
	memcpy(t.ask.bytes, message.data, message.len);
	assert_int_equal(dns_message_read(span_of(t.ask.bytes, t.ask.len), &t.ask.message), OK);
}

static inline void on_forget(void *ctx, struct ask_ref ref)
{
	(void)ctx;
	(void)ref;
}

static inline int set_up(void **state)
{
	static const struct engine_effects effects = {
		.answer = on_answer, .ask = on_ask, .forget = on_forget};
	static const struct dns_name root = DNS_NAME_ROOT;
	static const uint8_t seed[32] = {4, 2};
	struct ip_endpoint at = {.address = ip_address_v4(192, 0, 2, 1), .port = 53};
	(void)state;
	memset(&t, 0, sizeof(t));
	t.now_us = 5000000;
	delegation_init(&t.roots, &root, DELEGATION_ITERATIVE);
	delegation_add_address(&t.roots, DELEGATION_NAME_NONE, &at);
	at.address.bytes[3] = 2;
	delegation_add_address(&t.roots, DELEGATION_NAME_NONE, &at);
	t.access[0] = (struct ip_prefix){.address = ip_address_v4(10, 0, 0, 0), .bits = 8};
	t.access[1] = (struct ip_prefix){.address = {.family = 6, .bytes = {0x20}}, .bits = 8};
	t.forward = (struct ip_endpoint){.address = ip_address_v4(192, 0, 2, 8), .port = 53};
	t.stub = (struct ip_endpoint){.address = ip_address_v4(192, 0, 2, 9), .port = 53};
	t.zones[0] = (struct engine_zone){
		.name = name_of("fwd."), .kind = DELEGATION_FORWARD, .to = &t.forward, .to_n = 1};
	t.zones[1] = (struct engine_zone){
		.name = name_of("stub."), .kind = DELEGATION_ITERATIVE, .to = &t.stub, .to_n = 1};
	t.rules = (struct engine_rules){.roots = &t.roots,
					.access = t.access,
					.access_n = 2,
					.zones = t.zones,
					.zones_n = 2,
					.minimise = MINIMISE_OFF,
					.special_names = true,
					.upstream = {.ipv4 = true},
					.ttl_max_s = 86400,
					.negative_max_s = 3600,
					.edns_size = 1232,
					.upstream_port = 53,
					.version = "9.9"};
	assert_int_equal(cache_new(1 << 20, seed, &t.cache), OK);
	assert_int_equal(engine_new(&t.rules, t.cache, 16, seed, &effects, &t.engine), OK);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	engine_free(t.engine);
	cache_free(t.cache);
	return 0;
}

struct ask_as {
	bool no_rd, dns_sec, no_edns, tcp, stranger, v6, cd;
	uint16_t class, port;
};

/* Asks as a client; true: the answer is there, in t.reply. */
static inline bool client(const char *qname, uint16_t qtype, struct ask_as as)
{
	struct dns_name name = name_of(qname);
	struct asker from = {.transport = as.tcp ? ENGINE_TCP : ENGINE_UDP};
	unsigned before = t.answered;
	uint8_t room[512];
	struct dns_build b;
	from.peer.address = as.stranger ? ip_address_v4(8, 8, 8, 8) : ip_address_v4(10, 1, 1, 1);
	if (as.v6)
		from.peer.address = (struct ip_address){.family = 6, .bytes = {0x20, 1}};
	from.peer.port = (uint16_t)(4000 + as.port);
	dns_build_init(&b, room, sizeof(room), 7,
		       (uint16_t)((as.no_rd ? 0 : DNS_FLAG_RD) | (as.cd ? DNS_FLAG_CD : 0)));
	dns_build_question(&b, dns_name_span(&name), qtype, as.class ? as.class : DNS_CLASS_IN);
	if (!as.no_edns)
		dns_build_opt(&b, 1232, 0, as.dns_sec, (struct span){0});
	size_t len = engine_query(t.engine, t.now_us, &from, dns_build_finish(&b), t.answer,
				  sizeof(t.answer));
	if (len)
		t.answer_len = len;
	if (!len && t.answered == before)
		return false;
	assert_int_equal(dns_message_read(span_of(t.answer, t.answer_len), &t.reply), OK);
	return true;
}

static inline unsigned rcode(void)
{
	return dns_message_rcode(&t.reply);
}

static inline int ede(void)
{
	struct reader r = reader_of_span(t.reply.edns.options);
	struct dns_edns_option option;
	struct dns_extended_error error;
	while (dns_edns_option_next(&r, &option))
		if (option.code == DNS_OPTION_EDE &&
		    dns_extended_error_read(option.body, &error) == OK)
			return error.code;
	return -1;
}

/* A server's reply to what was asked last. */
static struct dns_build b;
static uint8_t server_room[65535];

static inline void server_begin(uint16_t flags)
{
	dns_build_init(&b, server_room, sizeof(server_room), t.ask.message.header.id,
		       (uint16_t)(DNS_FLAG_QR | flags));
	dns_build_question_echo(&b, t.ask.message.question.wire);
}

static inline void server_add(enum dns_section section, const char *owner, uint16_t type,
			      uint32_t ttl_s, struct span rdata)
{
	struct dns_name name = name_of(owner);
	assert_true(dns_build_record(&b, section, dns_name_span(&name), type, DNS_CLASS_IN, ttl_s,
				     rdata));
}

static inline void server_add_a(const char *owner, uint32_t ttl_s)
{
	static const uint8_t rdata[4] = {198, 51, 100, 1};
	server_add(DNS_ANSWER, owner, DNS_TYPE_A, ttl_s, span_of(rdata, 4));
}

static inline void server_add_soa(const char *owner, uint32_t ttl_s)
{
	uint8_t rdata[22] = {0, 0, [20] = 0, [21] = 60};
	server_add(DNS_AUTHORITY, owner, DNS_TYPE_SOA, ttl_s, span_of(rdata, 22));
}

/* Sends it; true: the client has been answered, in t.reply. */
static inline bool server_send(void)
{
	unsigned before = t.answered;
	t.now_us += 1000;
	struct span message = dns_build_finish(&b);
	assert_true(engine_receive(t.engine, t.now_us, t.ask.ref, &t.ask.to, message));
	if (t.answered == before)
		return false;
	assert_int_equal(dns_message_read(span_of(t.answer, t.answer_len), &t.reply), OK);
	return true;
}

#endif
