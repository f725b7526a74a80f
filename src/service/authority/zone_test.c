/* Zone text to snapshot: what is refused and where, what is built, and look-up beside an obvious
 * oracle. */
#include "proto/dns/rdata.h"
#include "proto/dns/type.h"
#include "service/authority/ask_test.h"
#include "test/random.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAD "$TTL 3600\n@ SOA ns hm 7 7200 3600 1209600 300\n@ NS ns\nns A 192.0.2.1\n"

/* Loads text that must be wrong in both ways given; NULL: right then. */
static void expect(const char *text, const char *strict, const char *lenient)
{
	struct ask *a = ask_new();
	char all[8192];

	(void)snprintf(all, sizeof(all), "%s%s", HEAD, text);
	for (unsigned i = 0; i < 2; i++) {
		struct zone *z = NULL;
		const char *wanted = i ? lenient : strict;
		enum err e = ask_load(a, "example.", all, i, &z);
		assert_string_equal(a->problems, wanted ? wanted : "");
		assert_int_equal(e, wanted && strstr(wanted, "error:") ? ERR_CONFIG : OK);
		zone_unref(z);
	}
	ask_free(a);
}

static void both(const char *text, const char *problems)
{
	expect(text, problems, problems);
}

static void refuses_a_zone_without_soa_or_ns(void **state)
{
	(void)state;
	struct ask *a = ask_new();
	struct zone *z = NULL;

	assert_int_equal(ask_load(a, "example.", "", false, &z), ERR_CONFIG);
	assert_string_equal(a->problems, "0:0 error: example.: the zone has no SOA\n"
					 "0:0 error: example.: the zone has no NS at its origin\n");
	assert_null(z);
	ask_free(a);
}

static void refuses_what_is_no_zone_data(void **state)
{
	(void)state;
	both("@ SOA ns hm 8 7200 3600 1209600 300\n", "5:1 error: SOA: there is one already\n");
	both("sub SOA ns hm 8 7200 3600 1209600 300\n",
	     "5:1 error: SOA: sub.example. is not the zone's origin\n");
	both("www CH A 192.0.2.1\n", "5:1 error: A: class is 3, only IN is served\n");
	both("nohash NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n",
	     "5:1 error: NSEC3: nohash.example. is not a hash under the zone's origin\n");
	both("@ NSEC3PARAM 1 0 2501 -\n", "5:1 error: NSEC3PARAM: more than 2500 iterations\n");
}

static void refuses_a_cname_that_does_not_stand_alone(void **state)
{
	(void)state;
	both("c CNAME ns\nc TXT x\nc A 192.0.2.1\n",
	     "5:1 error: CNAME: c.example. has TXT as well, and a CNAME must stand alone\n");
	both("c TXT x\nc CNAME ns\n",
	     "6:1 error: CNAME: c.example. has TXT as well, and a CNAME must stand alone\n");
	both("c CNAME ns\nc CNAME www\n", "6:1 error: CNAME: c.example. has one already\n");
	both("c CNAME ns\nc NSEC ns CNAME RRSIG NSEC\n", NULL);
}

static void refuses_a_dname_with_company(void **state)
{
	(void)state;
	both("d DNAME ns\nd DNAME www\n", "6:1 error: DNAME: d.example. has one already\n");
	both("d DNAME ns\nd NS ns\n",
	     "6:1 error: NS: d.example. has a DNAME, which allows no delegation\n");
	expect("d DNAME ns\nx.d TXT x\n",
	       "6:1 error: TXT: x.d.example. is below the DNAME of d.example. and is never given\n",
	       "6:1 warning: TXT: x.d.example. is below the DNAME of d.example. and is never "
	       "given\n");
}

static void lenient_forgives_host_names_outsiders_and_glue(void **state)
{
	(void)state;
	expect("a_b A 192.0.2.2\n", "5:1 error: A: a_b.example. is not a host name\n",
	       "5:1 warning: A: a_b.example. is not a host name\n");
	expect("mx MX 10 a_b.other.\n", "5:1 error: MX: the target a_b.other. is not a host name\n",
	       "5:1 warning: MX: the target a_b.other. is not a host name\n");
	both("*.w A 192.0.2.2\nnull MX 0 .\n_s._tcp TXT x\n", NULL);
	expect("www.example.org. A 192.0.2.2\n",
	       "5:1 error: A: www.example.org. is outside of the zone\n",
	       "5:1 warning: A: www.example.org. is outside of the zone and is left out\n");
	expect("sub NS ns.sub\n", "5:1 error: NS: glue is missing for ns.sub.example.\n",
	       "5:1 warning: NS: glue is missing for ns.sub.example.\n");
	expect("@ NS ns9\n", "5:1 error: NS: the target ns9.example. has no address\n",
	       "5:1 warning: NS: the target ns9.example. has no address\n");
	both("sub NS ns.example.org.\n", NULL);
}

static void warns_of_what_works_but_is_odd(void **state)
{
	(void)state;
	both("w A 192.0.2.2\nw A 192.0.2.2\n",
	     "6:1 warning: A: the same record is there already\n");
	both("w 60 A 192.0.2.2\nw 50 A 192.0.2.3\n",
	     "6:1 warning: A: TTLs of one RRset differ, 50 is taken for all\n");
	both("c CNAME ns\nm MX 1 c\n", "6:1 warning: MX: the target c.example. is a CNAME\n");
	both("m MX 1 nx\n", "5:1 warning: MX: the target nx.example. has no address\n");
	both("*.w A 192.0.2.3\nm MX 1 x.w\n", NULL); /* a wildcard gives it one */
	both("w A 192.0.2.2\nw RRSIG TXT 8 2 60 20300101000000 20200101000000 1 @ AA==\n",
	     "6:1 warning: RRSIG: covers TXT, of which there is none here; it is left out\n");
	both("sub NS ns.example.org.\nx.sub TXT t\n",
	     "6:1 warning: TXT: x.sub.example. belongs to the delegated zone sub.example. and is "
	     "never given\n");
	both("@ DS 1 8 1 AABBCCDDEEFF00112233445566778899AABBCCDD\n",
	     "5:1 warning: DS: at the zone's own origin, where nobody asks for it\n");
}

static void tells_all_errors_at_once_and_counts_those_beyond_its_bound(void **state)
{
	(void)state;
	struct ask *a = ask_new();
	struct zone *z = NULL;
	char text[16384] = HEAD "sub NS ns.sub\nwww.example.org. TXT x\nbad A 1.2.3\n$INCLUDE "
				"nowhere\nc CNAME a\nc TXT x\n";

	assert_int_equal(ask_load(a, "example.", text, false, &z), ERR_CONFIG);
	assert_int_equal(a->judge.errors, 5);
	for (unsigned i = 0; i < 300; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
			       "x%u.other. TXT x\n", i);
	assert_int_equal(ask_load(a, "example.", text, false, &z), ERR_CONFIG);
	assert_int_equal(a->judge.errors, 305);
	unsigned lines = 0;
	for (const char *at = a->problems; *at; at++)
		lines += *at == '\n';
	assert_int_equal(lines, ZONE_PROBLEMS_MAX);
	ask_free(a);
}

static const struct zone_node *node(const struct zone *z, const char *name)
{
	struct dns_name n;
	struct zone_path p;

	assert_int_equal(dns_name_from_text(span_text(name), NULL, &n), OK);
	zone_path_set(&p, n.wire, n.len);
	return zone_lookup(z, &p, p.labels);
}

static void nodes_know_their_place(void **state)
{
	(void)state;
	struct ask *a = ask_new();
	struct zone *z = NULL;

	assert_int_equal(ask_load(a, "example.",
				  HEAD
				  "a.b.c TXT x\n*.w TXT x\nsub NS ns.x.sub\nns.x.sub A 192.0.2.1\n"
				  "sub NS ns.far.test.\nd DNAME ns\n",
				  false, &z),
			 OK);
	assert_true(node(z, "c.example.")->flags & ZONE_NODE_REAL); /* empty non-terminals */
	assert_true(node(z, "b.c.example.")->flags & ZONE_NODE_REAL);
	assert_int_equal(node(z, "c.example.")->rrsets, 0);
	assert_true(node(z, "w.example.")->flags & ZONE_NODE_WILDCARD);
	assert_false(node(z, "c.example.")->flags & ZONE_NODE_WILDCARD);
	assert_true(node(z, "sub.example.")->flags & ZONE_NODE_CUT);
	assert_ptr_equal(zone_node_at(z, node(z, "ns.x.sub.example.")->cut),
			 node(z, "sub.example."));
	assert_int_equal(node(z, "a.b.c.example.")->cut, 0);
	assert_true(node(z, "d.example.")->flags & ZONE_NODE_DNAME);
	assert_true(node(z, "ns.far.test.")->flags & ZONE_NODE_OUTSIDE);
	assert_ptr_equal(zone_node_at(z, node(z, "far.test.")->parent), node(z, "test."));
	assert_ptr_equal(zone_node_at(z, node(z, ".")->parent), node(z, "."));
	assert_null(node(z, "x.example."));
	zone_unref(z);
	ask_free(a);
}

/* What is compressed has the question's case. */
static void keeps_the_case_of_rdata_and_finds_owners_in_any(void **state)
{
	(void)state;
	struct ask *a = ask_new();

	ask_add(a, "ExAmPlE.", HEAD "WWW MX 5 MaIl\nmail A 192.0.2.2\n");
	assert_string_equal(
		ask(a, "www.EXAMPLE.", "MX", 0),
		"NOERROR aa\nan www.example. MX 5 MaIl.EXAMPLE.\nar mail.example. A 192.0.2.2\n");
	ask_free(a);
}

static void zones_are_found_by_the_longest_origin(void **state)
{
	(void)state;
	static const char *const origins[] = {".", "test.", "a.test.", "x.y.a.test."};
	static const char *const asked[] = {".",       "other.",    "test.",	   "b.test.",
					    "a.test.", "y.a.test.", "x.y.a.test.", "q.x.y.a.test."};
	static const unsigned wanted[] = {0, 0, 1, 1, 2, 2, 3, 3};
	struct ask *a = ask_new();

	for (unsigned i = 0; i < 4; i++)
		ask_add(a, origins[i], HEAD);
	for (unsigned i = 0; i < 8; i++) {
		struct dns_name n;
		struct zone_path p;
		char text[DNS_NAME_TEXT_MAX];
		assert_int_equal(dns_name_from_text(span_text(asked[i]), NULL, &n), OK);
		zone_path_set(&p, n.wire, n.len);
		const struct zones_entry *e = zones_find(a->set, &p, p.labels);
		assert_non_null(e);
		assert_string_equal(dns_name_format(&e->origin, text), origins[wanted[i]]);
	}
	ask_free(a);
}

/* --- the oracle: a list of owners, gone through from end to end --- */

#define ORACLE_NAMES 40

struct oracle {
	char names[ORACLE_NAMES][64];
	char kinds[ORACLE_NAMES]; /* 'T'XT, 'N'S, 'C'NAME to a TXT */
	size_t n;
};

/* Is name at or below `at`? */
static bool under(const char *name, const char *at)
{
	size_t n = strlen(name), m = strlen(at);

	return n >= m && strcmp(name + n - m, at) == 0 && (n == m || name[n - m - 1] == '.');
}

static bool exists(const struct oracle *o, const char *name)
{
	if (strcmp(name, "example.") == 0)
		return true;
	for (size_t i = 0; i < o->n; i++)
		if (under(o->names[i], name))
			return true;
	return strcmp(name, "ns.example.") == 0;
}

static char kind_of(const struct oracle *o, const char *name)
{
	for (size_t i = 0; i < o->n; i++)
		if (strcmp(o->names[i], name) == 0)
			return o->kinds[i];
	return 0;
}

/* The first line of the answer to a question about TXT, by RFC 1034 4.3.2 word for word. */
static const char *oracle_says(const struct oracle *o, const char *name)
{
	const char *cut = NULL, *closest = name;
	char wildcard[80], kind;

	for (size_t i = 0; i < o->n; i++)
		if (o->kinds[i] == 'N' && under(name, o->names[i]) &&
		    (!cut || strlen(o->names[i]) < strlen(cut)))
			cut = o->names[i];
	if (cut)
		return "NOERROR\nns";
	if (exists(o, name)) {
		kind = kind_of(o, name);
		return kind == 'T' || kind == 'C' ? "NOERROR aa\nan" : "NOERROR aa\nns";
	}
	while (!exists(o, closest))
		closest = strchr(closest, '.') + 1;
	(void)snprintf(wildcard, sizeof(wildcard), "*.%s", closest);
	if (!exists(o, wildcard))
		return "NXDOMAIN aa\nns";
	kind = kind_of(o, wildcard);
	return kind == 'T' || kind == 'C' ? "NOERROR aa\nan" : "NOERROR aa\nns";
}

static void random_name(struct test_random *r, char *buf, size_t size)
{
	static const char *const labels[] = {"a", "b", "c", "*", "dd"};
	size_t n = 1 + test_random_below(r, 4), len = 0;

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(
			buf + len, size - len, "%s.",
			labels[test_random_below(r, sizeof(labels) / sizeof(labels[0]))]);
	(void)snprintf(buf + len, size - len, "example.");
}

static void fill_oracle(struct test_random *r, struct oracle *o, char *text, size_t size)
{
	size_t len = (size_t)snprintf(text, size, "%s", HEAD);

	o->n = 0;
	while (o->n < 5 + test_random_below(r, ORACLE_NAMES - 5)) {
		char *name = o->names[o->n];
		random_name(r, name, sizeof(o->names[0]));
		if (kind_of(o, name))
			continue;
		/* NS at a wildcard is undefined (RFC 4592 4.2). */
		char kind = "TTTNC"[test_random_below(r, 5)];
		if (kind == 'N' && name[0] == '*')
			kind = 'T';
		o->kinds[o->n++] = kind;
		len += (size_t)snprintf(text + len, size - len, "%s %s\n", name,
					kind == 'N'   ? "NS ns.example.org."
					: kind == 'C' ? "CNAME other.example.org."
						      : "TXT x");
	}
}

static void look_up_agrees_with_the_oracle(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	struct oracle *o = calloc(1, sizeof(*o));
	char text[8192], name[64];

	assert_non_null(o);
	for (unsigned round = 0; round < 300; round++) {
		struct ask *a = ask_new();
		fill_oracle(&r, o, text, sizeof(text));
		ask_add(a, "example.", text);
		for (unsigned i = 0; i < 100; i++) {
			random_name(&r, name, sizeof(name));
			const char *wanted = oracle_says(o, name);
			const char *got = ask(a, name, "TXT", 0);
			if (strncmp(got, wanted, strlen(wanted)) != 0)
				fail_msg("%s: %s, not %s\n%s", name, got, wanted, text);
		}
		ask_free(a);
	}
	free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_a_zone_without_soa_or_ns),
		cmocka_unit_test(refuses_what_is_no_zone_data),
		cmocka_unit_test(refuses_a_cname_that_does_not_stand_alone),
		cmocka_unit_test(refuses_a_dname_with_company),
		cmocka_unit_test(lenient_forgives_host_names_outsiders_and_glue),
		cmocka_unit_test(warns_of_what_works_but_is_odd),
		cmocka_unit_test(tells_all_errors_at_once_and_counts_those_beyond_its_bound),
		cmocka_unit_test(nodes_know_their_place),
		cmocka_unit_test(keeps_the_case_of_rdata_and_finds_owners_in_any),
		cmocka_unit_test(zones_are_found_by_the_longest_origin),
		cmocka_unit_test(look_up_agrees_with_the_oracle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
