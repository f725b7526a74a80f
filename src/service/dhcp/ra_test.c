#include "service/dhcp/ra.h"

#include "config/config.h"
#include "config/report.h"
#include "service/dhcp/conf6.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { SENT_MAX = 4096 };

static struct {
	struct ra ra;
	struct ra_rules rules[4];
	size_t rules_n;
	struct ra_link link;
	uint64_t now_ms;
	unsigned sent_n;
	uint64_t sent_ms[SENT_MAX];
	uint8_t message[RA_MESSAGE_MAX];
	size_t len;
	struct ndp_message m;
} t;

static struct ip_address address(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(text), &a), OK);
	return a;
}

static struct ip_prefix prefix_of(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

static void on_send(void *arg, uint32_t ifindex, const struct ip_address *to, struct span icmp)
{
	struct ndp_arrival a = {.source = t.link.link_local, .destination = *to, .hop_limit = 255};
	struct ip_address all = address("ff02::1");
	(void)arg;
	assert_int_equal(ifindex, 3);
	assert_true(ip_address_equal(to, &all));
	assert_true(t.sent_n < SENT_MAX);
	t.sent_ms[t.sent_n++] = t.now_ms;
	memcpy(t.message, icmp.data, icmp.len);
	t.len = icmp.len;
	assert_int_equal(ndp_message_read(span_of(t.message, t.len), &a, true, &t.m), OK);
}

static void set_rules(const char *body)
{
	static const struct config_section section = {"ipv6", &v6_conf_map};
	static const struct config_sections sections = {&section, 1};
	char text[2048];
	struct config *c = NULL;
	struct config_report r = {0};
	(void)snprintf(text, sizeof(text), "ipv6:\n%s", body);
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	enum err err = config_parse(&sections, &in, &c, &r);
	for (size_t i = 0; i < r.n; i++)
		print_error("%s\n", r.errors[i].message);
	assert_int_equal(err, OK);
	for (t.rules_n = 0; ra_rules_of(config_section(c, "ipv6"), t.rules_n, &t.rules[t.rules_n]);)
		t.rules_n++;
	config_report_done(&r);
	config_free(c);
	ra_set_rules(&t.ra, t.now_ms, t.rules, t.rules_n);
}

static void set_link(void)
{
	ra_set_links(&t.ra, t.now_ms, &t.link, 1);
}

static void begin(const char *body)
{
	static const struct ra_effects effects = {.send = on_send};
	static const uint8_t seed[16] = {1};
	memset(&t, 0, sizeof(t));
	t.now_ms = 1800000000000;
	ra_init(&t.ra, seed, &effects);
	set_rules(body);
	t.link = (struct ra_link){.ifindex = 3,
				  .name = "lan0",
				  .mac = {2, 0, 0, 0, 0, 1},
				  .has_mac = true,
				  .link_local = address("fe80::1")};
	set_link();
}

static void run_to(uint64_t end_ms)
{
	while (ra_next_ms(&t.ra) <= end_ms) {
		t.now_ms = ra_next_ms(&t.ra) > t.now_ms ? ra_next_ms(&t.ra) : t.now_ms;
		ra_turn(&t.ra, t.now_ms);
	}
	t.now_ms = end_ms;
}

/* The prefix in the last message; false: it is not there. */
static bool told(const char *prefix, struct ndp_prefix *ret)
{
	struct ip_prefix want = prefix_of(prefix);
	struct reader r = reader_of_span(t.m.options);
	struct ndp_option o;
	while (ndp_option_next(&r, &o))
		if (o.type == NDP_OPT_PREFIX && ndp_prefix_read(o.body, ret) == OK &&
		    ip_prefix_equal(&ret->prefix, &want))
			return true;
	return false;
}

static unsigned options_of(uint8_t type)
{
	struct reader r = reader_of_span(t.m.options);
	struct ndp_option o;
	unsigned n = 0;
	while (ndp_option_next(&r, &o))
		n += o.type == type;
	return n;
}

#define FULL                                                                                       \
	"  advertise:\n"                                                                           \
	"    interface: lan0\n"                                                                    \
	"    managed: on\n"                                                                        \
	"    preference: high\n"                                                                   \
	"    mtu: 1480\n"                                                                          \
	"    prefixes: {prefix: \"2001:db8:7::/64\"}\n"                                            \
	"    routes: {prefix: \"2001:db8:100::/40\", preference: low}\n"                           \
	"    rdnss: \"2001:db8:7::1\"\n"                                                           \
	"    dnssl: home.arpa\n"                                                                   \
	"    pref64: \"64:ff9b::/96\"\n"                                                           \
	"    captive-portal: https://portal.home.arpa/\n"

static void says_what_the_configuration_says(void **state)
{
	(void)state;
	struct ndp_prefix p;
	begin(FULL);
	run_to(t.now_ms + 1000);
	assert_int_equal(t.sent_n, 1);
	assert_true(t.m.managed && !t.m.other && t.m.preference == NDP_HIGH);
	assert_int_equal(t.m.hop_limit, 64);
	assert_int_equal(t.m.lifetime_s, 1800);
	assert_true(told("2001:db8:7::/64", &p));
	assert_true(p.on_link && p.autonomous && p.valid_s == 5400 && p.preferred_s == 2700);
	static const uint8_t once[] = {NDP_OPT_SOURCE_LINK_LAYER,
				       NDP_OPT_MTU,
				       NDP_OPT_ROUTE,
				       NDP_OPT_RDNSS,
				       NDP_OPT_DNSSL,
				       NDP_OPT_PREF64,
				       NDP_OPT_CAPTIVE_PORTAL};
	for (size_t i = 0; i < sizeof(once); i++)
		assert_int_equal(options_of(once[i]), 1);
}

/* RFC 4861 6.2.4: the first three at most 16 s apart, then at random between the two
 * intervals; 6.2.6: never faster than one in 3 s. */
static void advertises_at_random_within_the_bounds(void **state)
{
	(void)state;
	uint64_t least = UINT64_MAX, most = 0;
	begin("  advertise: {interface: lan0, max-interval: 10m}\n");
	run_to(t.now_ms + UINT64_C(200) * 600 * 1000);
	assert_true(t.sent_n > 200);
	assert_in_range(t.sent_ms[0] - 1800000000000, 0, 500);
	for (unsigned i = 1; i < t.sent_n; i++) {
		uint64_t gap = t.sent_ms[i] - t.sent_ms[i - 1];
		if (i < 3) {
			assert_in_range(gap, 3000, 16000);
			continue;
		}
		assert_in_range(gap, 200000, 600000);
		least = gap < least ? gap : least;
		most = gap > most ? gap : most;
	}
	assert_true(least < 220000 && most > 580000); /* all of the range is used */
}

/* RFC 4861 6.2.6: "delay … by a random time between 0 and MAX_RA_DELAY_TIME seconds", and "rate
 * limited to no more than one advertisement every MIN_DELAY_BETWEEN_RAS seconds". */
static void answers_solicitations_soon_but_not_a_flood(void **state)
{
	(void)state;
	static const uint8_t rs[8] = {133};
	struct ndp_arrival a = {
		.source = address("fe80::9"), .destination = address("ff02::2"), .hop_limit = 255};
	begin("  advertise: {interface: lan0}\n");
	run_to(t.now_ms + 60000);
	unsigned before = t.sent_n;
	ra_receive(&t.ra, t.now_ms, 3, &a, span_of(rs, sizeof(rs)));
	assert_in_range(ra_next_ms(&t.ra), t.now_ms, t.now_ms + 500);
	for (unsigned i = 0; i < 1000; i++) {
		ra_receive(&t.ra, t.now_ms, 3, &a, span_of(rs, sizeof(rs)));
		run_to(t.now_ms + 30);
	}
	assert_in_range(t.sent_n - before, 9, 11); /* 30 s of flood */
	before = t.sent_n;
	run_to(t.now_ms + 3000);
	uint64_t next = ra_next_ms(&t.ra);
	a.hop_limit = 64;
	ra_receive(&t.ra, t.now_ms, 3, &a, span_of(rs, sizeof(rs)));
	a.hop_limit = 255;
	ra_receive(&t.ra, t.now_ms, 3, &a, span_of(rs, 7));
	ra_receive(&t.ra, t.now_ms, 9, &a, span_of(rs, 8)); /* another link */
	assert_int_equal(ra_next_ms(&t.ra), next);
	assert_int_equal(t.ra.interfaces[0].counts.refused, 2);
}

/* RFC 4861 6.2.5: "final multicast Router Advertisements on the interface with a Router Lifetime
 * field of zero". */
static void says_farewell(void **state)
{
	(void)state;
	begin(FULL);
	run_to(t.now_ms + 60000);
	assert_int_equal(t.m.lifetime_s, 1800);
	ra_stop(&t.ra, t.now_ms);
	assert_int_equal(t.m.lifetime_s, 0);
	assert_int_equal(t.m.preference, NDP_MEDIUM); /* RFC 4191 2.2 */
	assert_int_equal(ra_next_ms(&t.ra), UINT64_MAX);
	/* The same for an interface that a reload leaves out. */
	begin(FULL);
	run_to(t.now_ms + 60000);
	set_rules("  preferred: 1h\n");
	assert_int_equal(t.m.lifetime_s, 0);
	assert_int_equal(ra_next_ms(&t.ra), UINT64_MAX);
}

/* RFC 9096 3.5: a prefix that went away is advertised with lifetimes of 0 for as long as hosts may
 * have it. */
static void deprecates_a_prefix_that_went_away(void **state)
{
	(void)state;
	struct ndp_prefix p;
	begin("  advertise: {interface: lan0}\n");
	t.link.prefixes[0] = (struct ndp_prefix){
		.prefix = prefix_of("2001:db8:a::/64"), .valid_s = 3600, .preferred_s = 1800};
	t.link.prefixes_n = 1;
	set_link();
	run_to(t.now_ms + 10000);
	assert_true(told("2001:db8:a::/64", &p));
	assert_true(p.on_link && p.autonomous);
	/* What is left of the delegated prefix, not what was left when it came. */
	assert_in_range(p.valid_s, 3585, 3600);
	assert_in_range(p.preferred_s, 1785, 1800);
	run_to(t.now_ms + 600000);
	unsigned before = t.sent_n;
	t.link.prefixes[0].prefix = prefix_of("2001:db8:b::/64");
	t.link.prefixes[0].valid_s = NDP_INFINITY;
	t.link.prefixes[0].preferred_s = NDP_INFINITY;
	set_link();
	run_to(t.now_ms + 3500); /* at once */
	assert_true(t.sent_n > before);
	assert_true(told("2001:db8:a::/64", &p));
	assert_true(p.valid_s == 0 && p.preferred_s == 0 && p.autonomous);
	assert_true(told("2001:db8:b::/64", &p));
	assert_true(p.valid_s == 5400 && p.preferred_s == 2700); /* RFC 9096 3.4 */
	run_to(t.now_ms + 2000000);
	assert_true(told("2001:db8:a::/64", &p));
	run_to(t.now_ms + 2200000);
	assert_false(told("2001:db8:a::/64", &p));
	/* And when it comes back it is in force again. */
	t.link.prefixes[0].prefix = prefix_of("2001:db8:a::/64");
	set_link();
	run_to(t.now_ms + 4000);
	assert_true(told("2001:db8:a::/64", &p));
	assert_int_equal(p.valid_s, 5400);
	assert_true(told("2001:db8:b::/64", &p));
	assert_int_equal(p.valid_s, 0);
}

static void renumbers_without_end_within_its_room(void **state)
{
	(void)state;
	struct ndp_prefix p;
	begin("  advertise: {interface: lan0}\n");
	for (uint8_t i = 0; i < 200; i++) {
		t.link.prefixes[0] = (struct ndp_prefix){.prefix = prefix_of("2001:db8::/64"),
							 .valid_s = NDP_INFINITY,
							 .preferred_s = NDP_INFINITY};
		t.link.prefixes[0].prefix.address.bytes[6] = i;
		t.link.prefixes_n = 1;
		set_link();
		run_to(t.now_ms + 4000);
	}
	assert_true(told("2001:db8:0:c700::/64", &p));
	assert_int_equal(p.valid_s, 5400);
	assert_int_equal(options_of(NDP_OPT_PREFIX), RA_PREFIXES_MAX * 2);
}

static void says_nothing_without_a_link(void **state)
{
	(void)state;
	begin(FULL);
	run_to(t.now_ms + 60000);
	unsigned before = t.sent_n;
	ra_set_links(&t.ra, t.now_ms, NULL, 0);
	assert_int_equal(ra_next_ms(&t.ra), UINT64_MAX);
	run_to(t.now_ms + 600000);
	assert_int_equal(t.sent_n, before);
	set_link();
	run_to(t.now_ms + 1000);
	assert_int_equal(t.sent_n, before + 1);
	/* Configured prefixes are not what an address of ours is; on-link ones of other lengths
	 * make no addresses. */
	struct ndp_prefix p;
	t.link.prefixes[0] = (struct ndp_prefix){
		.prefix = prefix_of("2001:db8:c::/48"), .valid_s = 600, .preferred_s = 600};
	t.link.prefixes_n = 1;
	set_link();
	run_to(t.now_ms + 4000);
	assert_true(told("2001:db8:c::/48", &p));
	assert_true(p.on_link && !p.autonomous);
	assert_true(told("2001:db8:7::/64", &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_the_configuration_says),
		cmocka_unit_test(advertises_at_random_within_the_bounds),
		cmocka_unit_test(answers_solicitations_soon_but_not_a_flood),
		cmocka_unit_test(says_farewell),
		cmocka_unit_test(deprecates_a_prefix_that_went_away),
		cmocka_unit_test(renumbers_without_end_within_its_room),
		cmocka_unit_test(says_nothing_without_a_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
