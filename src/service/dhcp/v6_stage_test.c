#include "service/dhcp/v6_stage_test.h"

#include "base/writer.h"
#include "config/config.h"
#include "config/report.h"
#include "proto/dhcp6/option.h"
#include "service/dhcp/conf6.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct stage stage;

static const uint8_t server_duid[] = {0, 3, 0, 1, 2, 0, 0, 0, 0, 0xee};
static const struct hash_key key = {7, 9};

static struct ip_address address(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(text), &a), OK);
	return a;
}

/* --- effects --- */

static void on_send(void *arg, const struct v6_send *s)
{
	(void)arg;
	stage.sent = *s;
	assert_true(s->message.len <= sizeof(stage.message));
	memcpy(stage.message, s->message.data, s->message.len);
	stage.sent.message.data = stage.message;
	stage.sent_n++;
}

static struct stage_row *row_of(const uint8_t *row_key)
{
	struct stage_row *unused = NULL;
	for (size_t i = 0; i < STAGE_ROWS; i++) {
		if (stage.rows[i].version &&
		    memcmp(stage.rows[i].key, row_key, V6_LEASE_KEY_LEN) == 0)
			return &stage.rows[i];
		if (!stage.rows[i].version && !unused)
			unused = &stage.rows[i];
	}
	assert_non_null(unused);
	return unused;
}

static enum err on_store(void *arg, const struct dhcp_store *s)
{
	(void)arg;
	if (stage.full)
		return ERR_LIMIT;
	assert_true(stage.asked_n < sizeof(stage.asked) / sizeof(stage.asked[0]));
	assert_int_equal(s->key.len, V6_LEASE_KEY_LEN);
	assert_true(s->value.len <= V6_LEASE_STORED_MAX);
	struct stage_asked *a = &stage.asked[stage.asked_n++];
	*a = (struct stage_asked){.token = s->token, .expected = s->expected};
	memcpy(a->row.key, s->key.data, s->key.len);
	if (s->value.len)
		memcpy(a->row.value, s->value.data, s->value.len);
	a->row.value_len = s->value.len;
	return OK;
}

static void on_name(void *arg, enum dhcp_name_change change, const struct v6_lease_view *l,
		    const struct v6_network *n)
{
	(void)arg;
	(void)n;
	*(change == DHCP_NAME_GRANTED ? &stage.names_granted : &stage.names_ended) += 1;
	if (change == DHCP_NAME_GRANTED)
		(void)snprintf(stage.name, sizeof(stage.name), "%.*s", (int)l->name.len,
			       (const char *)l->name.data);
}

static void on_event(void *arg, const struct v6_event *e)
{
	(void)arg;
	stage.events[e->kind]++;
	stage.causes[e->cause]++;
}

/* --- the store --- */

static void apply(const struct stage_asked *a, enum dhcp_stored result)
{
	struct stage_row *row = row_of(a->row.key);
	uint64_t version = row->version;
	if (result == DHCP_STORED && version != a->expected && !(a->token == 0))
		result = DHCP_STORE_CONFLICT;
	if (result == DHCP_STORED) {
		*row = a->row;
		version = ++stage.versions;
		row->version = a->row.value_len ? version : 0;
	}
	struct span current = {0};
	if (result == DHCP_STORE_CONFLICT && row->version)
		current = span_of(row->value, row->value_len);
	v6_engine_stored(stage.engine, stage.now_ms, a->token, result, version, current);
}

void stage_answer(size_t nth, enum dhcp_stored result)
{
	assert_true(nth < stage.asked_n);
	struct stage_asked a = stage.asked[nth];
	memmove(stage.asked + nth, stage.asked + nth + 1,
		(stage.asked_n - nth - 1) * sizeof(stage.asked[0]));
	stage.asked_n--;
	apply(&a, result);
}

static void answer_all(void)
{
	while (!stage.hold && stage.asked_n)
		stage_answer(0, stage.fail ? DHCP_STORE_FAILED : DHCP_STORED);
}

/* --- life --- */

static struct v6_site *site_of(const char *body)
{
	static const struct config_section section = {"ipv6", &v6_conf_map};
	static const struct config_sections sections = {&section, 1};
	char text[8192];
	struct config *c = NULL;
	struct config_report r = {0};
	struct v6_site *s = NULL;
	(void)snprintf(text, sizeof(text), "ipv6:\n%s", body);
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	enum err err = config_parse(&sections, &in, &c, &r);
	for (size_t i = 0; i < r.n; i++)
		print_error("%u: %s\n", r.errors[i].line, r.errors[i].message);
	assert_int_equal(err, OK);
	assert_int_equal(v6_site_new(config_section(c, "ipv6"), &s), OK);
	config_report_done(&r);
	config_free(c);
	return s;
}

static void make_engine(void)
{
	static const struct v6_effects effects = {
		.send = on_send, .store = on_store, .name = on_name, .event = on_event};
	static const struct v6_limits limits = {.leases = STAGE_ROWS, .waiting = 32};
	static const uint8_t secret[32] = {1, 2, 3};
	struct v6_link lan = {.ifindex = 2,
			      .name = "lan0",
			      .addresses = {address("2001:db8:7::1")},
			      .bits = {64},
			      .addresses_n = 1};
	assert_int_equal(v6_engine_new(stage.site, &limits, &effects,
				       span_of(server_duid, sizeof(server_duid)), secret, key,
				       &stage.engine),
			 OK);
	v6_engine_set_links(stage.engine, &lan, 1);
	v6_engine_turn(stage.engine, stage.now_ms);
}

void stage_begin(const char *body)
{
	memset(&stage, 0, sizeof(stage));
	stage.now_ms = 1800000000000;
	stage.site = site_of(body);
	make_engine();
}

void stage_site(const char *body)
{
	struct v6_site *s = site_of(body);
	v6_engine_set_site(stage.engine, s, stage.now_ms);
	v6_site_unref(stage.site);
	stage.site = s;
}

void stage_end(void)
{
	v6_engine_free(stage.engine);
	v6_site_unref(stage.site);
}

void stage_restart(void)
{
	v6_engine_free(stage.engine);
	stage.asked_n = 0;
	make_engine();
	for (size_t i = 0; i < STAGE_ROWS; i++)
		if (stage.rows[i].version)
			assert_int_equal(
				v6_engine_learn(
					stage.engine, stage.now_ms,
					span_of(stage.rows[i].key, V6_LEASE_KEY_LEN),
					span_of(stage.rows[i].value, stage.rows[i].value_len),
					stage.rows[i].version),
				OK);
	v6_engine_turn(stage.engine, stage.now_ms);
	answer_all();
}

void stage_wait(uint64_t ms)
{
	stage.now_ms += ms;
	v6_engine_turn(stage.engine, stage.now_ms);
	answer_all();
}

/* --- questions --- */

void ask_bare(struct ask *a, uint8_t type, uint8_t who)
{
	*a = (struct ask){.arrival = {.ifindex = 2,
				      .from = {.family = 6, .bytes = {0xfe, 0x80, [15] = who}},
				      .to = address("ff02::1:2")}};
	a->w = writer_of(a->wire, sizeof(a->wire));
	dhcp6_write_header(&a->w, type, 0x100u + who);
}

void ask_begin(struct ask *a, uint8_t type, uint8_t who)
{
	ask_bare(a, type, who);
	uint8_t duid[10] = {0, 3, 0, 1, 2, 0, 0, 0, 0, who};
	dhcp6_write_option(&a->w, DHCP6_OPT_CLIENTID, span_of(duid, sizeof(duid)));
}

void ask_server(struct ask *a)
{
	dhcp6_write_option(&a->w, DHCP6_OPT_SERVERID, span_of(server_duid, sizeof(server_duid)));
}

void ask_ia(struct ask *a, enum dhcp6_ia_kind kind, uint32_t iaid, const char *leases)
{
	struct span rest = span_text(leases);
	size_t at = dhcp6_ia_begin(&a->w, kind, iaid, 0, 0);
	while (rest.len) {
		size_t n = span_find(rest, ' ');
		struct dhcp6_lease l = {0};
		assert_int_equal(ip_prefix_parse(span_sub(rest, 0, n), &l.prefix), OK);
		dhcp6_write_lease(&a->w, kind, &l, NULL);
		rest = span_sub(rest, n + 1, rest.len);
	}
	dhcp6_option_end(&a->w, at);
}

static const char *send_wire(const struct v6_arrival *arrival, struct span wire)
{
	unsigned before = stage.sent_n;
	v6_engine_receive(stage.engine, stage.now_ms, arrival, wire);
	answer_all();
	return stage.sent_n == before ? "" : stage_text(stage.sent.message);
}

const char *ask_send(struct ask *a)
{
	assert_int_equal(writer_check(&a->w), OK);
	return send_wire(&a->arrival, writer_span(&a->w));
}

const char *ask_relayed(struct ask *a, const char *link, const char *interface_id)
{
	static uint8_t wire[4096];
	struct writer w = writer_of(wire, sizeof(wire));
	struct ip_address at = address(link);
	struct v6_arrival arrival = {
		.ifindex = 3, .from = address("2001:db8:ffff::2"), .to = address("2001:db8:7::1")};
	dhcp6_write_relay_header(&w, DHCP6_RELAY_FORW, 0, &at, &a->arrival.from);
	if (interface_id)
		dhcp6_write_option(&w, DHCP6_OPT_INTERFACE_ID, span_text(interface_id));
	dhcp6_write_option(&w, DHCP6_OPT_RELAY_MSG, writer_span(&a->w));
	return send_wire(&arrival, writer_span(&w));
}

/* --- answers as text --- */

static void text_ia(struct writer *w, const struct dhcp6_option *o)
{
	static const char *const kinds[] = {"na", "ta", "pd"};
	struct dhcp6_ia ia;
	struct dhcp6_lease l;
	char text[IP_PREFIX_TEXT_MAX];
	assert_int_equal(dhcp6_ia_read(o, &ia), OK);
	write_format(w, "%s%u", kinds[ia.kind], ia.iaid);
	if (ia.t1_s || ia.t2_s)
		write_format(w, " %u/%u", ia.t1_s, ia.t2_s);
	struct reader r = reader_of_span(ia.options);
	while (dhcp6_lease_next(&r, ia.kind, &l)) {
		if (ia.kind == DHCP6_IA_PD)
			ip_prefix_format(&l.prefix, text);
		else
			ip_address_format(&l.prefix.address, text);
		write_format(w, " %s=%u/%u", text, l.preferred_s, l.valid_s);
		if (l.excluded.address.family) {
			ip_prefix_format(&l.excluded, text);
			write_format(w, "-%s", text);
		}
	}
	if (ia.has_status)
		write_format(w, " %s", dhcp6_status_name(ia.status));
}

static void text_option(struct writer *w, const struct dhcp6_option *o)
{
	char name[DHCP6_OPTION_NAME_MAX];
	struct reader r = reader_of_span(o->body);
	switch (o->code) {
	case DHCP6_OPT_CLIENTID:
		assert_true(o->body.len >= 3);
		write_format(w, "client %02x", o->body.data[o->body.len - 1]);
		break;
	case DHCP6_OPT_SERVERID:
		assert_true(span_equal(o->body, span_of(server_duid, sizeof(server_duid))));
		write_text(w, "server");
		break;
	case DHCP6_OPT_STATUS_CODE: write_text(w, dhcp6_status_name(read_u16(&r))); break;
	case DHCP6_OPT_IA_NA:
	case DHCP6_OPT_IA_TA:
	case DHCP6_OPT_IA_PD: text_ia(w, o); break;
	case DHCP6_OPT_AUTH: write_text(w, "auth"); break;
	default:
		write_format(w, "%s ", dhcp6_option_name(o->code, name));
		dhcp6_option_format(o->code, o->body, w);
	}
}

const char *stage_text(struct span message)
{
	static char text[4096];
	struct writer w = writer_of(text, sizeof(text) - 1);
	struct dhcp6_relay relay;
	struct dhcp6_message m;
	struct dhcp6_option o;
	while (dhcp6_relay_read(message, &relay) == OK) {
		assert_int_equal(relay.type, DHCP6_RELAY_REPL);
		write_format(&w, "RELAY %u ", relay.hop_count);
		ip_address_write(&w, &relay.peer);
		if (relay.interface_id.data)
			write_format(&w, " [%.*s]", (int)relay.interface_id.len,
				     (const char *)relay.interface_id.data);
		write_text(&w, ": ");
		message = relay.message;
	}
	assert_int_equal(dhcp6_message_read(message, &m), OK);
	write_text(&w, dhcp6_type_name(m.type));
	struct reader r = reader_of_span(m.options);
	for (const char *between = ": "; dhcp6_option_next(&r, &o); between = "; ") {
		write_text(&w, between);
		text_option(&w, &o);
	}
	assert_int_equal(writer_check(&w), OK);
	text[w.pos] = 0;
	return text;
}

const char *stage_get(uint8_t who, enum dhcp6_ia_kind kind, uint32_t iaid)
{
	struct ask a;
	ask_begin(&a, DHCP6_SOLICIT, who);
	ask_ia(&a, kind, iaid, "");
	(void)ask_send(&a);
	ask_begin(&a, DHCP6_REQUEST, who);
	ask_server(&a);
	ask_ia(&a, kind, iaid, "");
	return ask_send(&a);
}
