/* A zone that changes, against a zone built from the same records each time; runs with threads. */
#include "service/authority/zone_edit.h"

#include "base/writer.h"
#include "proto/dns/rdata.h"
#include "proto/dns/text.h"
#include "proto/dns/type.h"
#include "service/authority/ask_test.h"
#include "test/random.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define APEX                                                                                       \
	"@ 3600 IN SOA ns1 host 1 2 3 4 60\n"                                                      \
	"@ 3600 IN NS ns1\n"                                                                       \
	"@ 3600 IN NS ns.elsewhere.test.\n"                                                        \
	"@ 3600 IN MX 10 m.a\n"                                                                    \
	"ns1 3600 IN A 192.0.2.1\n"

/* --- the model: RRsets as text --- */

#define NAMES_MAX 400

struct model_set {
	char owner[64]; /* relative */
	uint16_t type;
	unsigned n;
	char rdata[3][80];
};

struct model {
	struct model_set sets[NAMES_MAX];
	size_t n;
};

static struct model_set *model_find(struct model *m, const char *owner, uint16_t type)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->sets[i].type == type && strcmp(m->sets[i].owner, owner) == 0)
			return &m->sets[i];
	return NULL;
}

static bool model_has_other(struct model *m, const char *owner, uint16_t type)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->sets[i].type != type && strcmp(m->sets[i].owner, owner) == 0)
			return true;
	return false;
}

static void model_put(struct model *m, const struct model_set *set)
{
	struct model_set *have = model_find(m, set->owner, set->type);
	if (!have && set->n) {
		assert_true(m->n < NAMES_MAX);
		m->sets[m->n++] = *set;
	} else if (have && set->n) {
		*have = *set;
	} else if (have) {
		*have = m->sets[--m->n];
	}
}

static char *model_text(const struct model *m)
{
	size_t size = NAMES_MAX * 400 + sizeof(APEX);
	char *text = malloc(size), type[DNS_TYPE_TEXT_MAX];
	size_t len = (size_t)snprintf(text, size, "%s", APEX);
	for (size_t i = 0; i < m->n; i++)
		for (unsigned k = 0; k < m->sets[i].n; k++)
			len += (size_t)snprintf(
				text + len, size - len, "%s 300 IN %s %s\n", m->sets[i].owner,
				dns_type_format(m->sets[i].type, type), m->sets[i].rdata[k]);
	return text;
}

/* --- random changes --- */

static void random_name(struct test_random *r, char *buf, size_t size)
{
	static const char *const labels[] = {"a", "b", "c", "*", "m", "x"};
	unsigned depth = 1 + (unsigned)test_random_below(r, 3);
	size_t len = 0;
	for (unsigned i = 0; i < depth; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? "." : "",
					labels[test_random_below(r, 6)]);
}

static void random_rdata(struct test_random *r, uint16_t type, char *buf, size_t size)
{
	char name[64];
	unsigned n = (unsigned)test_random_below(r, 250);
	random_name(r, name, sizeof(name));
	switch (type) {
	case DNS_TYPE_A: (void)snprintf(buf, size, "192.0.2.%u", n); break;
	case DNS_TYPE_AAAA: (void)snprintf(buf, size, "2001:db8::%x", n); break;
	case DNS_TYPE_TXT: (void)snprintf(buf, size, "\"text %u\"", n); break;
	case DNS_TYPE_MX: (void)snprintf(buf, size, "%u %s", n, name); break;
	case DNS_TYPE_SRV: (void)snprintf(buf, size, "1 2 %u %s", n, name); break;
	case DNS_TYPE_DS: (void)snprintf(buf, size, "%u 8 99 0011", n); break;
	case DNS_TYPE_NS:
		if (n % 4 == 0)
			(void)snprintf(buf, size, "ns.elsewhere.test.");
		else
			(void)snprintf(buf, size, "%s", name);
		break;
	default: (void)snprintf(buf, size, "%s", name); break;
	}
}

static struct model_set random_set(struct test_random *r, struct model *m)
{
	static const uint16_t types[] = {
		DNS_TYPE_A,   DNS_TYPE_A,  DNS_TYPE_AAAA,  DNS_TYPE_TXT,   DNS_TYPE_MX,
		DNS_TYPE_SRV, DNS_TYPE_NS, DNS_TYPE_CNAME, DNS_TYPE_DNAME, DNS_TYPE_DS};
	for (;;) {
		struct model_set s = {.type = types[test_random_below(r, 10)]};
		random_name(r, s.owner, sizeof(s.owner));
		s.n = test_random_below(r, 3) == 0 ? 0 : 1 + (unsigned)test_random_below(r, 2);
		bool single = s.type == DNS_TYPE_CNAME || s.type == DNS_TYPE_DNAME;
		if (single && s.n > 1)
			s.n = 1;
		if (s.n &&
		    (s.type == DNS_TYPE_CNAME ? model_has_other(m, s.owner, s.type)
					      : model_find(m, s.owner, DNS_TYPE_CNAME) != NULL))
			continue;
		if (s.n && s.type == DNS_TYPE_DNAME && model_find(m, s.owner, DNS_TYPE_NS))
			continue;
		if (s.n && s.type == DNS_TYPE_NS && model_find(m, s.owner, DNS_TYPE_DNAME))
			continue;
		for (unsigned i = 0; i < s.n; i++)
			random_rdata(r, s.type, s.rdata[i], sizeof(s.rdata[i]));
		if (s.n == 2 && strcmp(s.rdata[0], s.rdata[1]) == 0)
			s.n = 1;
		return s;
	}
}

static struct dns_name named(const char *text)
{
	struct dns_name origin, n;
	assert_int_equal(dns_name_from_text(span_text("example.test."), NULL, &origin), OK);
	assert_int_equal(dns_name_from_text(span_text(text), &origin, &n), OK);
	return n;
}

static enum err edit_put(struct zone_edit *e, const struct model_set *s)
{
	uint8_t buf[2048];
	struct writer w = writer_of(buf, sizeof(buf));
	struct dns_name origin = named("@"), owner = named(s->owner);
	for (unsigned i = 0; i < s->n; i++) {
		struct dns_text_lexer l;
		size_t at = writer_reserve(&w, 2);
		dns_text_init(&l, span_text(s->rdata[i]));
		if (dns_rdata_from_text(s->type, &l, &origin, &w))
			fail_msg("%u %s", s->type, s->rdata[i]);
		writer_fill_u16(&w, at);
	}
	return zone_edit_set(e, &owner,
			     &(struct zone_edit_rrset){.type = s->type,
						       .count = (uint16_t)s->n,
						       .ttl_s = 300,
						       .records = writer_span(&w)});
}

/* --- comparing --- */

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The next line, its end cut off; NULL: no more. */
static char *next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');
	if (!*line)
		return NULL;
	if (end)
		*end = 0;
	*at = end ? end + 1 : line + strlen(line);
	return line;
}

/* The lines of an answer in order: names are packed in another one. */
static void sorted(const char *text, char *ret, size_t size)
{
	char *copy = strdup(text), *lines[512], *at = copy;
	size_t n = 0, len = 0;
	for (char *l; n < 512 && (l = next_line(&at));)
		lines[n++] = l;
	qsort(lines, n, sizeof(*lines), compare_lines);
	ret[0] = 0;
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(ret + len, size - len, "%s\n", lines[i]);
	free(copy);
}

static void same_answer(struct ask *changing, struct ask *built, const char *name, const char *type,
			unsigned flags)
{
	static char x[65536], y[65536];
	sorted(ask(changing, name, type, flags), x, sizeof(x));
	sorted(ask(built, name, type, flags), y, sizeof(y));
	if (strcmp(x, y) != 0)
		fail_msg("%s %s:\nchanging:\n%s\nbuilt:\n%s", name, type, x, y);
}

static void same_answers(struct ask *changing, struct ask *built, struct test_random *r)
{
	static const char *const types[] = {"A",     "AAAA", "TXT",   "MX",  "SRV", "NS",
					    "CNAME", "DS",   "DNAME", "ANY", "SOA"};
	for (unsigned i = 0; i < 40; i++) {
		char relative[64], name[96];
		random_name(r, relative, sizeof(relative));
		(void)snprintf(name, sizeof(name), "%s%sexample.test.", i ? relative : "",
			       i ? "." : "");
		same_answer(changing, built, name, types[test_random_below(r, 11)],
			    ASK_EDNS | ASK_TCP);
	}
}

/* All records of a snapshot, in order. */
static char *dump(const struct zone *z)
{
	size_t size = 1 << 19, len = 0;
	char *text = malloc(size), *ret = malloc(size), name[DNS_NAME_TEXT_MAX];
	text[0] = 0;
	for (const struct zone_node *n = zone_next(z, NULL); n; n = zone_next(z, n)) {
		const struct zone_rrset *s = zone_node_rrsets(n);
		dns_name_format_span(span_of(n->name, n->name_len), name);
		for (unsigned i = n->rrsets; i > 0; i--, s = zone_rrset_next(s)) {
			struct reader r = reader_of(zone_rrset_data(s), s->size);
			for (unsigned k = 0; k < s->count; k++) {
				struct span rdata = read_span(&r, read_u16(&r));
				len += (size_t)snprintf(text + len, size - len, "%s %u %u ", name,
							zone_rrset_type(s), zone_rrset_ttl(s));
				for (size_t b = 0; b < rdata.len; b++)
					len += (size_t)snprintf(text + len, size - len, "%02x",
								rdata.data[b]);
				len += (size_t)snprintf(text + len, size - len, "\n");
			}
		}
	}
	char **lines = malloc(sizeof(char *) * 8192), *at = text;
	size_t n = 0;
	for (char *l; (l = next_line(&at));)
		lines[n++] = l;
	qsort(lines, n, sizeof(*lines), compare_lines);
	for (len = 0, ret[0] = 0; len < size && n > 0; n--)
		len += (size_t)snprintf(ret + len, size - len, "%s\n", lines[n - 1]);
	free(lines);
	free(text);
	return ret;
}

struct changing {
	struct ask *ask;
	struct zone *zone; /* the newest that was built */
	struct zone_edit *edit;
};

static void changing_begin(struct changing *c, const char *text)
{
	c->ask = ask_new();
	if (ask_load(c->ask, "example.test.", text, true, &c->zone))
		fail_msg("%s", c->ask->problems);
	assert_int_equal(zone_edit_new(c->zone, 0, &c->edit), OK);
	assert_int_equal(zones_add(c->ask->set, &c->zone->origin, c->zone, NULL, 0), OK);
}

static void changing_rebuild(struct changing *c)
{
	struct zone *z = NULL;
	assert_int_equal(zone_edit_rebuild(c->edit, &z), OK);
	zone_edit_free(c->edit);
	assert_int_equal(zone_edit_new(z, 0, &c->edit), OK);
	zone_succeed(c->zone, z);
	c->zone = z;
	zone_unref(z); /* the old zone has it */
}

static void changing_publish(struct changing *c)
{
	if (zone_edit_is_out_of_shape(c->edit) || zone_edit_is_full(c->edit))
		changing_rebuild(c);
	else
		assert_int_equal(zone_edit_publish(c->edit), OK);
}

static void changing_end(struct changing *c)
{
	zone_edit_free(c->edit);
	ask_free(c->ask);
}

static struct ask *built_of(const struct model *m)
{
	struct ask *a = ask_new();
	struct zone *z = NULL;
	char *text = model_text(m);
	if (ask_load(a, "example.test.", text, true, &z))
		fail_msg("%s\n%s", a->problems, text);
	assert_int_equal(zones_add(a->set, &z->origin, z, NULL, 0), OK);
	free(text);
	return a;
}

/* One update of a few RRsets, or one that is undone. */
static void change(struct changing *c, struct model *m, struct test_random *r)
{
	static struct model before;
	unsigned n = 1 + (unsigned)test_random_below(r, 3);
	bool undone = test_random_below(r, 5) == 0;
	before = *m;
	zone_edit_mark(c->edit);
	for (unsigned i = 0; i < n; i++) {
		struct model_set s = random_set(r, m);
		model_put(m, &s);
		assert_int_equal(edit_put(c->edit, &s), OK);
	}
	if (undone) {
		zone_edit_undo_to_mark(c->edit);
		*m = before;
	}
}

static void answers_as_a_zone_built_from_the_same_records(void **state)
{
	(void)state;
	static struct model m;
	for (uint64_t seed = 1; seed <= 15; seed++) {
		struct test_random r = {.state = seed};
		struct changing c;
		m.n = 0;
		changing_begin(&c, APEX);
		for (unsigned step = 0; step < 60; step++) {
			for (uint64_t i = test_random_below(&r, 4) + 1; i > 0; i--)
				change(&c, &m, &r);
			changing_publish(&c);
			if (m.n > NAMES_MAX - 40)
				break;
			struct ask *built = built_of(&m);
			same_answers(c.ask, built, &r);
			char *x = dump(zone_now(c.ask->set->entries[0].zone));
			char *y = dump(built->set->entries[0].zone);
			assert_string_equal(x, y);
			free(x);
			free(y);
			ask_free(built);
		}
		changing_end(&c);
	}
}

static void an_older_snapshot_stays_as_it_was(void **state)
{
	(void)state;
	static struct model m;
	struct test_random r = {.state = 77};
	struct changing c;
	const struct zone *kept[50];
	char *said[50];
	changing_begin(&c, APEX);
	m.n = 0;
	for (unsigned i = 0; i < 50; i++) {
		change(&c, &m, &r);
		changing_publish(&c);
		kept[i] = zone_keep(zone_now(c.ask->set->entries[0].zone));
		said[i] = dump(kept[i]);
	}
	for (unsigned i = 0; i < 50; i++) {
		char *now = dump(kept[i]);
		assert_string_equal(now, said[i]);
		free(now);
		free(said[i]);
	}
	changing_end(&c);
	for (unsigned i = 0; i < 50; i++)
		zone_drop(kept[i]);
}

static void what_is_not_published_is_not_seen(void **state)
{
	(void)state;
	struct changing c;
	struct model_set s = {.owner = "new", .type = DNS_TYPE_A, .n = 1, .rdata = {"192.0.2.9"}};
	changing_begin(&c, APEX);
	assert_int_equal(edit_put(c.edit, &s), OK);
	assert_non_null(strstr(ask(c.ask, "new.example.test.", "A", 0), "NXDOMAIN"));
	zone_edit_undo_all(c.edit);
	assert_int_equal(zone_edit_publish(c.edit), OK);
	assert_non_null(strstr(ask(c.ask, "new.example.test.", "A", 0), "NXDOMAIN"));
	assert_int_equal(edit_put(c.edit, &s), OK);
	assert_int_equal(zone_edit_publish(c.edit), OK);
	assert_non_null(strstr(ask(c.ask, "new.example.test.", "A", 0), "192.0.2.9"));
	changing_end(&c);
}

static void refuses_a_signed_zone(void **state)
{
	(void)state;
	struct ask *a = ask_new();
	struct zone *z = NULL;
	struct zone_edit *e = NULL;
	assert_int_equal(
		ask_load(a, "example.test.", APEX "@ 60 IN DNSKEY 256 3 8 AwEAAQ==\n", true, &z),
		OK);
	assert_int_equal(zone_edit_new(z, 0, &e), ERR_UNSUPPORTED);
	zone_unref(z);
	ask_free(a);
}

static void refuses_an_rrset_that_no_message_holds(void **state)
{
	(void)state;
	struct changing c;
	static uint8_t records[ZONE_RRSET_BYTES + 1];
	struct dns_name owner = named("big");
	changing_begin(&c, APEX);
	assert_int_equal(zone_edit_set(c.edit, &owner,
				       &(struct zone_edit_rrset){
					       .type = 65280,
					       .count = 1,
					       .records = span_of(records, sizeof(records))}),
			 ERR_LIMIT);
	changing_end(&c);
}

static void a_full_region_is_told_and_rebuilt(void **state)
{
	(void)state;
	struct changing c;
	static uint8_t record[2 + 60000] = {60000 >> 8, 60000 & 0xFF};
	unsigned rebuilt = 0;
	changing_begin(&c, APEX);
	for (unsigned i = 0; i < 500; i++) {
		struct dns_name owner = named(i % 2 ? "one" : "two");
		record[2] = (uint8_t)i;
		zone_edit_mark(c.edit);
		enum err e = zone_edit_set(
			c.edit, &owner,
			&(struct zone_edit_rrset){.type = 65280,
						  .count = 1,
						  .records = span_of(record, sizeof(record))});
		if (e == (enum err)ENOSPC) {
			zone_edit_undo_to_mark(c.edit);
			changing_rebuild(&c);
			rebuilt++;
			continue;
		}
		assert_int_equal(e, OK);
		e = zone_edit_publish(c.edit);
		if (e)
			zone_edit_undo_all(c.edit);
	}
	assert_true(rebuilt > 3);
	changing_end(&c);
}

/* --- threads: two names change together, and no reader sees one without the other --- */

#define PAIRS 20000

static void *read_pairs(void *arg)
{
	const struct zone *z = arg;
	struct dns_name left = named("left"), right = named("right");
	struct zone_path p, q;
	zone_path_set(&p, left.wire, left.len);
	zone_path_set(&q, right.wire, right.len);
	uint8_t last = 0;
	uintptr_t wrong = 0;
	do {
		const struct zone *now = zone_now(z);
		const struct zone_node *x, *y;
		bool a = zone_find(now, &p, &x), b = zone_find(now, &q, &y);
		const struct zone_rrset *s = a ? zone_node_find(x, DNS_TYPE_A) : NULL;
		const struct zone_rrset *t = b ? zone_node_find(y, DNS_TYPE_A) : NULL;
		wrong += a != b || (s && t && memcmp(zone_rrset_data(s), zone_rrset_data(t), 6));
		last = s ? zone_rrset_data(s)[5] : last;
	} while (last != 255);
	return (void *)wrong;
}

static void readers_see_all_of_an_update_or_nothing(void **state)
{
	(void)state;
	struct changing c;
	pthread_t readers[2];
	struct model_set s = {.type = DNS_TYPE_A, .n = 1};
	changing_begin(&c, APEX);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
			pthread_create(&readers[i], NULL, read_pairs, c.ask->set->entries[0].zone),
			0);
	for (unsigned i = 0; i <= PAIRS; i++) {
		unsigned last = i == PAIRS ? 255 : i % 250;
		s.n = i % 7 != 3;
		(void)snprintf(s.rdata[0], sizeof(s.rdata[0]), "192.0.2.%u", last);
		(void)snprintf(s.owner, sizeof(s.owner), "left");
		assert_int_equal(edit_put(c.edit, &s), OK);
		(void)snprintf(s.owner, sizeof(s.owner), "right");
		assert_int_equal(edit_put(c.edit, &s), OK);
		changing_publish(&c);
	}
	for (unsigned i = 0; i < 2; i++) {
		void *wrong = NULL;
		assert_int_equal(pthread_join(readers[i], &wrong), 0);
		assert_null(wrong);
	}
	changing_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_a_signed_zone),
		cmocka_unit_test(refuses_an_rrset_that_no_message_holds),
		cmocka_unit_test(what_is_not_published_is_not_seen),
		cmocka_unit_test(answers_as_a_zone_built_from_the_same_records),
		cmocka_unit_test(an_older_snapshot_stays_as_it_was),
		cmocka_unit_test(a_full_region_is_told_and_rebuilt),
		cmocka_unit_test(readers_see_all_of_an_update_or_nothing),
	};
	return cmocka_run_group_tests_name("authority_zone_edit", tests, NULL, NULL);
}
