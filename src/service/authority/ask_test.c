#include "service/authority/ask_test.h"

#include "base/writer.h"
#include "proto/dns/message.h"
#include "proto/dns/rdata.h"
#include "service/authority/zone_load.h"
#include "service/authority/zone_text_test.h"

#include <stdio.h>
#include <stdlib.h>

const uint8_t ask_key[16] = "0123456789abcde";

struct ask *ask_new(void)
{
	struct ask *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	assert_int_equal(zones_new(ask_key, 8, 1, &a->set), OK);
	a->conf.edns_size = 1232;
	a->client = ip_address_v4(192, 0, 2, 77);
	return a;
}

void ask_free(struct ask *a)
{
	zones_free(a->set);
	free(a);
}

static void tell(void *arg, const struct zone_problem *p)
{
	struct ask *a = arg;
	size_t len = strlen(a->problems);

	(void)snprintf(a->problems + len, sizeof(a->problems) - len, "%u:%u %s: %s\n", p->line,
		       p->column, p->severity == ZONE_ERROR ? "error" : "warning", p->text);
}

static enum err text_open(void *arg, struct span path, const char *from, struct zone_text **ret)
{
	struct zone_text *t;
	(void)from;

	if (!span_is(path, "zone"))
		return (enum err)ENOENT;
	t = calloc(1, sizeof(*t));
	assert_non_null(t);
	t->text = span_text(arg);
	t->path = strdup("zone");
	*ret = t;
	return OK;
}

static void text_close(void *arg, struct zone_text *t)
{
	(void)arg;
	free(t->path);
	free(t);
}

enum err ask_load(struct ask *a, const char *origin, const char *text, bool lenient,
		  struct zone **ret)
{
	struct dns_name name;
	struct zone_source source = {
		.open = text_open, .close = text_close, .arg = (void *)(uintptr_t)text};

	assert_int_equal(dns_name_from_text_case(span_text(origin), NULL, &name), OK);
	a->problems[0] = 0;
	a->judge = (struct zone_judge){.lenient = lenient, .tell = tell, .arg = a};
	return zone_load(&(struct zone_load_request){.origin = &name,
						     .path = "zone",
						     .key = ask_key,
						     .source = &source,
						     .judge = &a->judge},
			 ret);
}

void ask_add(struct ask *a, const char *origin, const char *text)
{
	struct zone *z = NULL;
	enum err e = ask_load(a, origin, text, false, &z);

	if (e)
		fail_msg("%s", a->problems);
	assert_int_equal(zones_add(a->set, &z->origin, z, NULL, 0), OK);
}

void ask_add_file(struct ask *a, const char *origin, const char *path)
{
	char *text = zone_text_read(path);

	ask_add(a, origin, text);
	free(text);
}

size_t ask_wire(struct ask *a, const uint8_t *query, size_t len, bool tcp)
{
	struct answer_input in = {
		.packet = span_of(query, len),
		.client = &a->client,
		.tcp = tcp,
		.now_s = 1800000000,
		.random = a->random,
	};

	a->wire_len = answer_make(a->set, &a->conf, &in, a->wire,
				  tcp ? sizeof(a->wire) : ANSWER_UDP_MAX, &a->facts);
	return a->wire_len;
}

size_t ask_query(const char *name, const char *type, unsigned flags, uint8_t *buf, size_t cap)
{
	struct writer w = writer_of(buf, cap);
	struct dns_name n;
	uint16_t number;
	bool edns = flags & (ASK_EDNS | ASK_DO);

	assert_int_equal(dns_name_from_text_case(span_text(name), NULL, &n), OK);
	assert_true(dns_type_from_text(span_text(type), &number));
	write_u16(&w, 0x1234);
	write_u16(&w, 0);
	write_u16(&w, 1);
	write_u32(&w, 0);
	write_u16(&w, edns);
	write_bytes(&w, n.wire, n.len);
	write_u16(&w, number);
	write_u16(&w, DNS_CLASS_IN);
	if (edns) {
		write_u8(&w, 0);
		write_u16(&w, DNS_TYPE_OPT);
		write_u16(&w, 4096);
		write_u32(&w, flags & ASK_DO ? 0x8000 : 0);
		write_u16(&w, 0);
	}
	assert_int_equal(writer_check(&w), OK);
	return w.pos;
}

static void put_record(const struct dns_message *m, const struct dns_record *rec, struct writer *w)
{
	static const char *const sections[] = {"qd", "an", "ns", "ar"};
	char owner[DNS_NAME_TEXT_MAX], type[DNS_TYPE_TEXT_MAX];
	uint8_t rdata[DNS_RDATA_MAX];
	struct writer raw = writer_of(rdata, sizeof(rdata));
	struct reader r = dns_record_reader(rec);

	assert_int_equal(dns_rdata_from_wire(rec->type, &r, dns_message_reader(m), &raw), OK);
	write_format(w, "%s %s %s ", sections[rec->section], dns_name_format(&rec->owner, owner),
		     dns_type_format(rec->type, type));
	if (rec->type == DNS_TYPE_RRSIG)
		write_text(w, dns_type_format(dns_rdata_rrsig_covered(writer_span(&raw)), type));
	else
		dns_rdata_format(rec->type, writer_span(&raw), w);
	write_u8(w, '\n');
}

const char *ask(struct ask *a, const char *name, const char *type, unsigned flags)
{
	uint8_t query[512];
	char rcode[DNS_CODE_TEXT_MAX];
	struct writer w = writer_of(a->text, sizeof(a->text) - 1);
	struct dns_message m;
	struct dns_record rec;
	size_t len = ask_query(name, type, flags, query, sizeof(query));

	assert_true(ask_wire(a, query, len, flags & ASK_TCP) > 0);
	assert_int_equal(dns_message_read(span_of(a->wire, a->wire_len), &m), OK);
	write_text(&w, dns_rcode_format(dns_message_rcode(&m), rcode));
	write_text(&w, m.header.flags & DNS_FLAG_AA ? " aa" : "");
	write_text(&w, m.header.flags & DNS_FLAG_TC ? " tc" : "");
	write_u8(&w, '\n');
	struct dns_record_iter it = dns_record_iter_all(&m);
	while (dns_record_next(&m, &it, &rec))
		put_record(&m, &rec, &w);
	assert_int_equal(writer_check(&w), OK);
	a->text[w.pos] = 0;
	return a->text;
}
