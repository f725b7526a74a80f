#include "names/names_stage_test.h"

#include "proto/dns/message.h"

#include <stdlib.h>

struct dns_name named(const char *text)
{
	struct dns_name n;
	assert_int_equal(dns_name_from_text(span_text(text), NULL, &n), OK);
	return n;
}

static void server_zone(struct server *s, unsigned i, const char *origin, const char *text)
{
	struct zone *z = NULL;
	struct journal_head head = {.file_serial = 1};
	if (ask_load(s->ask, origin, text, false, &z))
		fail_msg("%s", s->ask->problems);
	head.origin = z->origin;
	assert_int_equal(zones_add(s->ask->set, &z->origin, zone_ref_take(z), NULL, 0), OK);
	assert_int_equal(dynamic_init(&s->zones[i], z, &head), OK);
}

static void server_begin(struct server *s)
{
	static struct update_rule rule;
	s->ask = ask_new();
	server_zone(s, 0, "home.test.",
		    "@ 60 IN SOA ns host 1 2 3 4 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n"
		    "printer 60 IN A 192.0.2.9\nprinter 60 IN TXT \"by hand\"\n");
	server_zone(s, 1, "2.0.192.in-addr.arpa.",
		    "@ 60 IN SOA ns.home.test. host.home.test. 1 2 3 4 5\n@ 60 IN NS "
		    "ns.home.test.\n");
	s->scratch = malloc(sizeof(*s->scratch));
	assert_int_equal(keyring_new(1, &s->keys), OK);
	s->keys->keys[0].name = named("key.");
	s->keys->keys[0].algorithm = CRYPTO_SHA256;
	assert_int_equal(
		secret_set(&s->keys->keys[0].secret, span_text("0123456789abcdef0123456789abcdef")),
		OK);
	rule.key = s->keys->keys[0].name;
	s->policy = (struct update_policy){.rules = &rule, .n = 1};
}

static void server_end(struct server *s)
{
	dynamic_done(&s->zones[0]);
	dynamic_done(&s->zones[1]);
	keyring_unref(s->keys);
	free(s->scratch);
	ask_free(s->ask);
}

/* The answer to one message, signed. */
size_t server_answer(struct server *s, const struct sent *m, uint8_t *out, size_t cap)
{
	struct span packet = span_of(m->message, m->len);
	struct dns_tsig_reply tsig;
	struct dns_message head;
	assert_int_equal(dns_message_read(packet, &head), OK);
	enum dns_tsig_verdict v =
		dns_tsig_check(packet, head.tsig_at, keyring_find, s->keys, NOW_S, &tsig);
	if (v != DNS_TSIG_GOOD)
		return answer_update_write(packet, DNS_RCODE_NOTAUTH, &tsig, NOW_S, out, cap);
	struct dynamic *d =
		&s->zones[dns_name_equal(&head.question.name, &s->zones[1].head.origin)];
	struct update_result result;
	dynamic_update(d,
		       &(struct update_request){.message = packet,
						.key = &s->keys->keys[0].name,
						.policy = &s->policy},
		       s->scratch, &result);
	assert_int_equal(dynamic_prepare(d), OK);
	if (dynamic_waits(d))
		(void)dynamic_commit(d);
	return answer_update_write(packet, result.rcode, &tsig, NOW_S, out, cap);
}

/* --- the engine under test --- */

static void on_send(void *arg, const struct names_send *s)
{
	struct bench *b = arg;
	assert_true(b->out_n < 512 && s->message.len <= sizeof(b->out[0].message));
	struct sent *to = &b->out[b->out_n++];
	to->to = s->to;
	to->tcp = s->tcp;
	to->len = s->message.len;
	memcpy(to->message, s->message.data, s->message.len);
	b->sent_n++;
}

static void on_done(void *arg, const struct ip_address *address, uint8_t names)
{
	struct bench *b = arg;
	if (address->family == 4)
		b->told[ip_address_span(address).data[3]] = names;
	b->done = names;
	b->done_n++;
}

static void on_event(void *arg, const struct names_event *e)
{
	struct bench *b = arg;
	b->events[e->kind]++;
	b->last = *e;
}

struct bench *names_begin_with(size_t queue, size_t at_once)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct ip_endpoint at = {.address = ip_address_v4(192, 0, 2, 53), .port = 53};
	server_begin(&b->server);
	const struct dns_tsig_key *key = &b->server.keys->keys[0];
	b->reverse[0] = (struct names_zone){named("2.0.192.in-addr.arpa."), at, key};
	b->reserved[0] = names_label_clean(span_text("gateway"));
	b->conf = (struct names_conf){.domain = named("home.test."),
				      .forward = {named("home.test."), at, key},
				      .reverse = b->reverse,
				      .reverse_n = 1,
				      .reserved = b->reserved,
				      .reserved_n = 1,
				      .ttl_max_s = 600,
				      .generate = true};
	assert_int_equal(
		names_new(&b->conf, &(struct names_limits){.queue = queue, .at_once = at_once},
			  &(struct names_effects){
				  .arg = b, .send = on_send, .done = on_done, .event = on_event},
			  (struct hash_key){1, 2}, &b->names),
		OK);
	return b;
}

struct bench *names_begin(void)
{
	return names_begin_with(100, 4);
}

void names_end(struct bench *b)
{
	names_free(b->names);
	server_end(&b->server);
	free(b);
}

void answer_first(struct bench *b)
{
	uint8_t out[1024];
	struct sent m = b->out[0];
	memmove(b->out, b->out + 1, --b->out_n * sizeof(b->out[0]));
	size_t len = server_answer(&b->server, &m, out, sizeof(out));
	names_answer(b->names, b->now_ms, NOW_S, &m.to, span_of(out, len));
}

/* Until nothing is due and nothing is out. */
void settle(struct bench *b)
{
	for (unsigned i = 0; i < 1000; i++) {
		if (names_next_ms(b->names) <= b->now_ms)
			names_turn(b->names, b->now_ms, NOW_S);
		if (b->out_n == 0)
			return;
		answer_first(b);
	}
	fail_msg("it never ends");
}

const char *lookup(struct bench *b, const char *name, const char *type)
{
	return ask(b->server.ask, name, type, 0);
}

void there(struct bench *b, const char *name, const char *type, const char *value)
{
	const char *text = lookup(b, name, type);
	if (!strstr(text, value))
		fail_msg("%s %s: no %s in %s", name, type, value, text);
}

void gone(struct bench *b, const char *name)
{
	const char *text = lookup(b, name, "A");
	if (!strstr(text, "NXDOMAIN"))
		fail_msg("%s is still there: %s", name, text);
}
