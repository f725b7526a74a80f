#include "base/reader.h"
#include "base/writer.h"
#include "service/dhcp/ra.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "test/guard.h"

enum { HOUR_MS = 3600 * 1000 };
#define NOW UINT64_C(1800000000000)

static struct ra ra;
static uint8_t record[1024];
static uint8_t message[RA_MESSAGE_MAX];
static size_t message_len;

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

static void on_send(void *arg, uint32_t ifindex, const struct ip_address *to, struct span icmp)
{
	(void)arg, (void)ifindex, (void)to;
	memcpy(message, icmp.data, icmp.len);
	message_len = icmp.len;
}

/* A process that advertises these prefixes on lan0. */
static void begin(const char *first, const char *second)
{
	static const uint8_t seed[16] = {1};
	const struct ra_effects effects = {.send = on_send};
	struct ra_rules rules = {.interface = "lan0", .min_ms = 3000, .max_ms = 4000};
	const char *const texts[] = {first, second};
	for (size_t i = 0; i < 2 && texts[i]; i++)
		rules.prefixes[rules.prefixes_n++] = (struct ndp_prefix){.prefix = prefix(texts[i]),
									 .on_link = i == 0,
									 .autonomous = true,
									 .preferred_s = 1800,
									 .valid_s = 3600};
	ra_init(&ra, seed, &effects);
	ra_set_rules(&ra, NOW, &rules, 1);
}

static struct span remember(uint64_t now_ms)
{
	struct writer w = writer_of(record, sizeof(record));
	ra_remember(&ra, now_ms, &w);
	assert_int_equal(writer_check(&w), OK);
	return writer_span(&w);
}

/* How many prefixes are advertised then; and how the one that ends in that number is. */
static unsigned advertised(uint64_t now_ms, uint8_t number, uint32_t *ret_valid_s,
			   bool *ret_on_link)
{
	struct ra_link link = {
		.ifindex = 3, .name = "lan0", .link_local = prefix("fe80::1").address};
	struct ip_address all = prefix("ff02::1").address;
	struct ndp_arrival a = {.source = link.link_local, .destination = all, .hop_limit = 255};
	struct ndp_message m;
	struct ndp_option o;
	unsigned n = 0;
	ra_set_links(&ra, now_ms, &link, 1);
	message_len = 0;
	uint64_t due_ms = ra_next_ms(&ra);
	ra_turn(&ra, due_ms > now_ms ? due_ms : now_ms);
	assert_true(message_len);
	assert_int_equal(ndp_message_read(span_of(message, message_len), &a, true, &m), OK);
	struct reader r = reader_of_span(m.options);
	while (ndp_option_next(&r, &o)) {
		struct ndp_prefix p;
		if (o.type != NDP_OPT_PREFIX || ndp_prefix_read(o.body, &p) != OK)
			continue;
		n++;
		if (p.prefix.address.bytes[7] == number) {
			*ret_valid_s = p.valid_s;
			*ret_on_link = p.on_link;
		}
	}
	return n;
}

/* RFC 9096 3.5: also after bootstrapping. */
static void what_is_gone_after_a_restart_is_said_to_be_over(void **state)
{
	(void)state;
	uint32_t valid_s = 77;
	bool on_link = false;
	begin("2001:db8:0:1::/64", "2001:db8:0:2::/64");
	struct span kept = remember(NOW);
	begin("2001:db8:0:2::/64", NULL);
	assert_int_equal(ra_recall(&ra, NOW, kept), OK);
	assert_int_equal(advertised(NOW, 1, &valid_s, &on_link), 2);
	assert_true(valid_s == 0 && on_link); /* with the flags that it had */
	assert_int_equal(advertised(NOW, 2, &valid_s, &on_link), 2);
	assert_int_equal(valid_s, 3600);
	/* A second restart does not make it last longer, and then no host can have it. */
	kept = remember(NOW + HOUR_MS / 2);
	begin("2001:db8:0:2::/64", NULL);
	assert_int_equal(ra_recall(&ra, NOW + HOUR_MS / 2, kept), OK);
	assert_int_equal(advertised(NOW + HOUR_MS - 30000, 1, &valid_s, &on_link), 2);
	assert_int_equal(valid_s, 0);
	assert_int_equal(advertised(NOW + HOUR_MS + 1, 1, &valid_s, &on_link), 1);
	size_t before = kept.len;
	assert_true(remember(NOW + HOUR_MS + 1).len < before);
}

static void the_record_changes_only_when_prefixes_do(void **state)
{
	(void)state;
	uint8_t first[sizeof(record)];
	begin("2001:db8:0:1::/64", NULL);
	struct span kept = remember(NOW);
	memcpy(first, kept.data, kept.len);
	assert_true(span_equal(remember(NOW + HOUR_MS), span_of(first, kept.len)));
}

static void records_of_others_are_refused(void **state)
{
	(void)state;
	begin("2001:db8:0:1::/64", "2001:db8:0:2::/64");
	struct span kept = remember(NOW);
	uint8_t good[sizeof(record)];
	memcpy(good, kept.data, kept.len);
	size_t one = 1 + (kept.len - 1) / 2; /* where the second begins */
	for (size_t len = 0; len < kept.len; len++) {
		uint8_t *torn = guard_copy(good, len);
		begin("2001:db8:0:3::/64", NULL);
		assert_int_equal(ra_recall(&ra, NOW, span_of(torn, len)),
				 len == 1 || len == one ? OK : ERR_FORMAT);
		guard_free(torn, len);
	}
	for (size_t bit = 0; bit < 8 * kept.len; bit++) {
		good[bit / 8] ^= (uint8_t)(1 << bit % 8);
		begin("2001:db8:0:3::/64", NULL);
		enum err e = ra_recall(&ra, NOW, span_of(good, kept.len));
		assert_true(e == OK || e == ERR_FORMAT || e == ERR_UNSUPPORTED);
		assert_true(ra.interfaces[0].prefixes_n <= 3);
		good[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	good[0] = 2;
	assert_int_equal(ra_recall(&ra, NOW, span_of(good, kept.len)), ERR_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_gone_after_a_restart_is_said_to_be_over),
		cmocka_unit_test(the_record_changes_only_when_prefixes_do),
		cmocka_unit_test(records_of_others_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
