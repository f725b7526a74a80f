/* What people see and change of the quotas, with the control socket played by the test. */
#include "base/writer.h"
#include "control/control.h"
#include "os/clock.h"
#include "os/log.h"
#include "policy/schedule.h"
#include "service/forward-proxy/io_quotas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

enum { ROWS = 64 };

static const struct policy_zone utc;
static const char *const kids[] = {"kids", "guests"};
static const struct quota items[] = {
	{.name = "each", .bytes = 10000, .period = {.every = PERIOD_DAY}},
	{.name = "people",
	 .bytes = 5000,
	 .by = QUOTA_BY_USER,
	 .period = {.every = PERIOD_WEEK},
	 .then = QUOTA_SLOW,
	 .rate = 1024},
	{.name = "kids",
	 .by = QUOTA_BY_GROUP,
	 .whom = {.groups = kids, .groups_n = 2},
	 .ways = {[BANDWIDTH_UP] = 2000, [BANDWIDTH_DOWN] = 3000},
	 .period = {.every = PERIOD_MONTH, .day = 1}},
	{.name = "house", .by = QUOTA_BY_ALL, .bytes = 100000, .period = {.every = PERIOD_DAY}},
};
static const struct quotas all = {items, 4, &utc};

struct bench {
	struct forward_quotas q;
	json_t *query;
	int status;
	json_t *said;
};

static struct bench *b;

/* ---- in place of the control socket ---- */

const char *control_request_query(const struct control_request *req, const char *name)
{
	return json_string_value(json_object_get(req->query, name));
}

void control_reply_json(struct control_reply *reply, int status, json_t *body)
{
	assert_ptr_equal(reply, b);
	assert_non_null(body);
	assert_int_equal(b->status, 0); /* one answer */
	b->status = status;
	b->said = body;
}

void control_reply_error(struct control_reply *reply, int status, const char *text)
{
	control_reply_json(reply, status, json_pack("{s:s}", "error", text));
}

/* ---- the bench ---- */

static int begin(void **state)
{
	static struct bench bench;
	*state = b = &bench;
	bench = (struct bench){.status = 0};
	log_set_level(LOG_LEVEL_WARNING);
	return forward_quotas_init(&b->q, ROWS) ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	json_decref(b->query);
	json_decref(b->said);
	forward_quotas_done(&b->q);
	return 0;
}

/* name, value, name, value, …, NULL */
static void ask(void (*verb)(struct forward_quotas *q, const struct quotas *all,
			     const struct control_request *req, struct control_reply *reply),
		const char *name, ...)
{
	va_list args;
	json_decref(b->query);
	json_decref(b->said);
	b->query = json_object();
	b->said = NULL;
	b->status = 0;
	va_start(args, name);
	for (; name; name = va_arg(args, const char *))
		(void)json_object_set_new(b->query, name, json_string(va_arg(args, const char *)));
	va_end(args);
	verb(&b->q, &all, &(struct control_request){.query = b->query}, (void *)b);
	assert_true(b->status != 0);
}

static void assert_error(int status, const char *words)
{
	const char *text = json_string_value(json_object_get(b->said, "error"));
	if (b->status != status || !text || !strstr(text, words))
		fail_msg("%d: %s", b->status, text ? text : "no error");
}

static json_int_t number(const json_t *object, const char *key)
{
	const json_t *n = json_object_get(object, key);
	assert_true(json_is_integer(n));
	return json_integer_value(n);
}

static void assert_text(const json_t *object, const char *key, const char *expected)
{
	const json_t *text = json_object_get(object, key);
	assert_true(json_is_string(text));
	assert_string_equal(json_string_value(text), expected);
}

static const json_t *client(size_t i)
{
	const json_t *one = json_array_get(json_object_get(b->said, "clients"), i);
	assert_non_null(one);
	return one;
}

static size_t count(const char *key)
{
	return json_array_size(json_object_get(b->said, key));
}

static void use(size_t quota, enum quota_by by, const char *who, uint64_t up, uint64_t down)
{
	struct quota_use u = {.used = {[BANDWIDTH_UP] = up, [BANDWIDTH_DOWN] = down}};
	quota_use_name(&u, items[quota].name, by, span_text(who));
	u.period = period_of(&items[quota].period, &utc, clock_wall_s());
	assert_int_equal(quota_put(b->q.table, &u), OK);
}

/* ---- what is there ---- */

static void shows_all_quotas_where_nobody_has_used_any(void **state)
{
	(void)state;
	ask(forward_quotas_show, NULL);
	assert_int_equal(b->status, 200);
	assert_true(count("quotas") == 4 && count("clients") == 0);
	assert_int_equal(number(b->said, "clients_total"), 0);
	const json_t *quotas = json_object_get(b->said, "quotas");
	const json_t *people = json_array_get(quotas, 1), *of_kids = json_array_get(quotas, 2);
	assert_text(people, "quota", "people");
	assert_text(people, "by", "user");
	assert_text(people, "every", "week");
	assert_text(people, "then", "slow");
	assert_int_equal(number(people, "bytes"), 5000);
	assert_text(of_kids, "by", "group");
	assert_text(of_kids, "every", "month");
	assert_text(of_kids, "then", "refuse");
	assert_true(number(of_kids, "up") == 2000 && number(of_kids, "down") == 3000);
	assert_text(json_array_get(quotas, 0), "by", "address");
	assert_text(json_array_get(quotas, 3), "by", "all");
	assert_true(number(people, "ends") > (json_int_t)clock_wall_s());
}

static void shows_who_has_used_most_first(void **state)
{
	(void)state;
	use(0, QUOTA_BY_ADDRESS, "192.0.2.1", 10, 20);
	use(0, QUOTA_BY_ADDRESS, "192.0.2.2", 9000, 1000);
	use(1, QUOTA_BY_USER, "ann", 0, 4999);
	use(3, QUOTA_BY_ALL, "all", 9010, 6019);
	ask(forward_quotas_show, NULL);
	assert_int_equal(number(b->said, "clients_total"), 4);
	assert_text(client(0), "client", "all");
	assert_text(client(0), "by", "all");
	assert_text(client(1), "client", "192.0.2.2");
	assert_true(number(client(1), "up") == 9000 && number(client(1), "down") == 1000);
	assert_true(json_is_true(json_object_get(client(1), "over")));
	assert_text(client(2), "client", "ann");
	assert_text(client(2), "by", "user");
	assert_true(json_is_false(json_object_get(client(2), "over")));
	assert_text(client(3), "client", "192.0.2.1");
	assert_int_equal(number(client(3), "extra"), 0);
	assert_true(number(client(3), "ends") % 86400 == 0);
}

static void shows_one_quota_and_so_many_clients(void **state)
{
	(void)state;
	use(0, QUOTA_BY_ADDRESS, "192.0.2.1", 10, 20);
	use(0, QUOTA_BY_ADDRESS, "192.0.2.2", 100, 20);
	use(1, QUOTA_BY_USER, "ann", 0, 4999);
	ask(forward_quotas_show, "quota", "each", "limit", "1", NULL);
	assert_true(count("quotas") == 1 && count("clients") == 1);
	assert_int_equal(number(b->said, "clients_total"), 2); /* of that quota */
	assert_text(client(0), "client", "192.0.2.2");
	ask(forward_quotas_show, "limit", "0", NULL);
	assert_true(count("clients") == 0 && number(b->said, "clients_total") == 3);
	ask(forward_quotas_show, "limit", "65536", NULL);
	assert_int_equal(count("clients"), 3);
}

static void shows_a_hundred_unless_told(void **state)
{
	(void)state;
	forward_quotas_done(&b->q);
	assert_int_equal(forward_quotas_init(&b->q, 4096), OK);
	for (unsigned i = 0; i < 150; i++) {
		char who[32];
		(void)snprintf(who, sizeof(who), "10.0.0.%u", i);
		use(0, QUOTA_BY_ADDRESS, who, i + 1, 0);
	}
	ask(forward_quotas_show, NULL);
	assert_int_equal(count("clients"), 100);
	assert_int_equal(number(b->said, "clients_total"), 150);
	assert_text(client(99), "client", "10.0.0.50");
}

static void refuses_to_show_what_is_not_there(void **state)
{
	(void)state;
	static const char *const bad[] = {"65537", "-1", "", "1x", " 1", "18446744073709551616"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ask(forward_quotas_show, "limit", bad[i], NULL);
		assert_error(400, "limit= must be a number");
	}
	ask(forward_quotas_show, "quota", "eac", NULL);
	assert_error(404, "no quota of that name");
	ask(forward_quotas_show, "quota", "", NULL);
	assert_error(404, "no quota of that name");
}

/* Rows of quotas that are no more wait for the end of their period, and are nobody's business; a
 * name that is no UTF-8 does not spoil the list. */
static void odd_rows_do_not_spoil_the_list(void **state)
{
	(void)state;
	struct quota_use gone = {.used = {1, 1}};
	quota_use_name(&gone, "gone", QUOTA_BY_ALL, span_text("all"));
	assert_int_equal(quota_put(b->q.table, &gone), OK);
	use(1, QUOTA_BY_USER, "\xff\xfe", 1, 1);
	use(0, QUOTA_BY_ADDRESS, "192.0.2.1", 0, 0);
	ask(forward_quotas_show, NULL);
	assert_int_equal(number(b->said, "clients_total"), 1);
	assert_text(client(0), "client", "?");
}

/* ---- changes ---- */

static void a_reset_is_of_one_client_alone(void **state)
{
	(void)state;
	use(0, QUOTA_BY_ADDRESS, "192.0.2.1", 9000, 9000);
	use(0, QUOTA_BY_ADDRESS, "192.0.2.2", 9000, 9000);
	ask(forward_quotas_reset, "quota", "each", "client", "192.0.2.1", NULL);
	assert_true(b->status == 200 && json_is_true(json_object_get(b->said, "reset")));
	ask(forward_quotas_show, NULL);
	assert_int_equal(number(b->said, "clients_total"), 1);
	assert_text(client(0), "client", "192.0.2.2");
	ask(forward_quotas_reset, "quota", "each", "client", "192.0.2.9", NULL);
	assert_error(404, "has used nothing");
	ask(forward_quotas_reset, "quota", "people", "client", "192.0.2.2", NULL);
	assert_error(404, "has used nothing");
}

static void refuses_to_change_what_is_not_there(void **state)
{
	(void)state;
	ask(forward_quotas_reset, NULL);
	assert_error(400, "quota= and client= are wanted");
	ask(forward_quotas_reset, "quota", "each", NULL);
	assert_error(400, "are wanted");
	ask(forward_quotas_grant, "client", "192.0.2.1", "bytes", "1M", NULL);
	assert_error(400, "are wanted");
	ask(forward_quotas_grant, "quota", "other", "client", "192.0.2.1", "bytes", "1M", NULL);
	assert_error(404, "no quota of that name");
	assert_int_equal(quota_rows(b->q.table), 0);
}

static void refused_client(const char *quota, const char *who)
{
	ask(forward_quotas_grant, "quota", quota, "client", who, "bytes", "1M", NULL);
	assert_error(400, "client= is none of that quota");
}

static void refuses_who_cannot_be_of_that_quota(void **state)
{
	(void)state;
	char longest[QUOTA_WHO_MAX + 2];
	refused_client("each", "");
	refused_client("each", "ann");
	refused_client("each", "192.0.2.0/24");
	refused_client("each", "192.0.2.1/31");
	refused_client("each", "192.0.2.256");
	refused_client("each", "2001:db8::/63");
	refused_client("each", "2001:db8::/65");
	refused_client("each", "2001:db8::1/64"); /* neither the network nor an address of it */
	refused_client("each", "all");
	refused_client("kids", "parents");
	refused_client("kids", "kid");
	refused_client("house", "192.0.2.1");
	refused_client("house", "ALL");
	refused_client("people", "");
	memset(longest, 'a', sizeof(longest));
	longest[QUOTA_WHO_MAX + 1] = 0;
	refused_client("people", longest);
	assert_int_equal(quota_rows(b->q.table), 0);
	longest[QUOTA_WHO_MAX] = 0;
	ask(forward_quotas_grant, "quota", "people", "client", longest, "bytes", "1M", NULL);
	assert_int_equal(b->status, 200);
}

/* However a client is written, it is the one that is counted. */
static void counted(const char *quota, const char *who, const char *by, const char *as)
{
	ask(forward_quotas_grant, "quota", quota, "client", who, "bytes", "1K", NULL);
	assert_int_equal(b->status, 200);
	ask(forward_quotas_show, "quota", quota, NULL);
	assert_text(client(0), "client", as);
	assert_text(client(0), "by", by);
	ask(forward_quotas_reset, "quota", quota, "client", who, NULL);
	assert_int_equal(b->status, 200);
	ask(forward_quotas_show, "quota", quota, NULL);
	assert_int_equal(count("clients"), 0);
}

static void a_client_is_called_as_it_is_counted(void **state)
{
	(void)state;
	counted("each", "192.0.2.1", "address", "192.0.2.1");
	counted("each", "192.0.2.1/32", "address", "192.0.2.1");
	counted("each", "::ffff:192.0.2.1", "address", "192.0.2.1");
	counted("each", "2001:db8:0:1::9", "address", "2001:db8:0:1::/64");
	counted("each", "2001:DB8:0:1:0::/64", "address", "2001:db8:0:1::/64");
	counted("people", "ann", "user", "ann");
	counted("people", "192.0.2.1", "address", "192.0.2.1");
	counted("people", "2001:db8:0:1::9", "address", "2001:db8:0:1::/64");
	counted("people", "192.0.2.0/24", "user", "192.0.2.0/24");
	counted("kids", "guests", "group", "guests");
	counted("house", "all", "all", "all");
}

static void what_is_granted_is_added(void **state)
{
	(void)state;
	use(0, QUOTA_BY_ADDRESS, "192.0.2.1", 6000, 6000);
	ask(forward_quotas_grant, "quota", "each", "client", "192.0.2.1", "bytes", "2000", NULL);
	assert_int_equal(b->status, 200);
	assert_int_equal(number(b->said, "granted"), 2000);
	assert_int_equal(number(b->said, "ends"),
			 (json_int_t)period_of(&items[0].period, &utc, clock_wall_s()).ends_s);
	ask(forward_quotas_show, NULL);
	assert_true(json_is_true(json_object_get(client(0), "over"))); /* 12000 of 12000 */
	ask(forward_quotas_grant, "quota", "each", "client", "192.0.2.1", "bytes", "1", NULL);
	ask(forward_quotas_show, NULL);
	assert_true(json_is_false(json_object_get(client(0), "over")));
	assert_int_equal(number(client(0), "extra"), 2001);
}

static void refuses_what_is_no_size(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	  "0",	 "x",	  "-1",
					  "1.5G", "1 G", "1025T", "99999999999999999999"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ask(forward_quotas_grant, "quota", "each", "client", "192.0.2.1", "bytes", bad[i],
		    NULL);
		assert_error(400, "bytes= must be a size");
	}
	ask(forward_quotas_grant, "quota", "each", "client", "192.0.2.1", NULL);
	assert_error(400, "bytes= must be a size");
	assert_int_equal(quota_rows(b->q.table), 0);
	ask(forward_quotas_grant, "quota", "each", "client", "192.0.2.1", "bytes", "1024T", NULL);
	assert_int_equal(number(b->said, "granted"), INT64_C(1) << 50);
}

/* Grants without end do not begin at nothing again, and what is kept of them can be read. */
static void grants_do_not_turn_over(void **state)
{
	(void)state;
	char folder[] = "/tmp/quotasXXXXXX";
	assert_non_null(mkdtemp(folder));
	for (unsigned i = 0; i < 1025; i++)
		ask(forward_quotas_grant, "quota", "each", "client", "192.0.2.1", "bytes", "1024T",
		    NULL);
	assert_int_equal(forward_quotas_open(&b->q, folder, &all), OK);
	ask(forward_quotas_grant, "quota", "each", "client", "192.0.2.2", "bytes", "1K", NULL);
	forward_quotas_done(&b->q);
	assert_int_equal(forward_quotas_init(&b->q, ROWS), OK);
	assert_int_equal(forward_quotas_open(&b->q, folder, &all), OK);
	ask(forward_quotas_show, NULL);
	assert_int_equal(count("clients"), 2);
	json_int_t one = number(client(0), "extra"), other = number(client(1), "extra");
	assert_int_equal(one + other, (INT64_C(1) << 60) + 1024);
	(void)remove(b->q.path);
	(void)remove(folder);
}

static void tells_that_there_is_no_room(void **state)
{
	(void)state;
	char who[32];
	struct quota_claim held[ROWS * 2];
	size_t n = 0;
	/* Rows in use are nobody else's. */
	for (; n < ROWS * 2; n++) {
		struct access_facts f = {.client = {.family = 4, .bytes = {10, 0, 0, (uint8_t)n}},
					 .now_s = clock_wall_s()};
		if (quota_claim(b->q.table, &(struct quotas){items, 1, &utc}, &f, &held[n]))
			break;
	}
	assert_true(n > 0);
	unsigned refusals = 0;
	for (unsigned i = 0; i < 64; i++) {
		(void)snprintf(who, sizeof(who), "10.1.0.%u", i);
		ask(forward_quotas_grant, "quota", "each", "client", who, "bytes", "1K", NULL);
		if (b->status == 200)
			continue;
		assert_error(503, "no room");
		refusals++;
	}
	assert_true(refusals > 0);
	while (n--)
		quota_leave(&held[n]);
}

/* ---- the file and the numbers ---- */

static void changes_are_kept_at_once(void **state)
{
	(void)state;
	char folder[] = "/tmp/quotasXXXXXX", text[4096];
	assert_non_null(mkdtemp(folder));
	assert_int_equal(forward_quotas_open(&b->q, folder, &all), OK);
	ask(forward_quotas_grant, "quota", "people", "client", "ann", "bytes", "1K", NULL);
	assert_int_equal(b->q.saves, 1);
	FILE *f = fopen(b->q.path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	(void)fclose(f);
	assert_non_null(strstr(text, "ann"));
	ask(forward_quotas_reset, "quota", "people", "client", "ann", NULL);
	assert_int_equal(b->q.saves, 2);
	ask(forward_quotas_show, NULL);
	assert_int_equal(b->q.saves, 2);
	(void)remove(b->q.path);
	(void)remove(folder);
}

static void metrics_count_clients_and_bytes_of_each(void **state)
{
	(void)state;
	char text[8192];
	struct writer w = writer_of(text, sizeof(text) - 1);
	struct quota_use gone = {.used = {1, 1}};
	quota_use_name(&gone, "gone", QUOTA_BY_ALL, span_text("all"));
	assert_int_equal(quota_put(b->q.table, &gone), OK);
	use(0, QUOTA_BY_ADDRESS, "192.0.2.1", 9000, 1000);
	use(0, QUOTA_BY_ADDRESS, "192.0.2.2", 1, 2);
	use(3, QUOTA_BY_ALL, "all", 5, 6);
	b->q.failures = 3;
	forward_quotas_metrics(&b->q, &all, "p_", &w);
	assert_int_equal(writer_check(&w), OK);
	text[w.pos] = 0;
	static const char *const lines[] = {
		"\np_quota_clients{quota=\"each\"} 2\n",
		"\np_quota_clients{quota=\"people\"} 0\n",
		"\np_quota_clients{quota=\"house\"} 1\n",
		"\np_quota_clients_over{quota=\"each\"} 1\n",
		"\np_quota_clients_over{quota=\"house\"} 0\n",
		"\np_quota_used_bytes{quota=\"each\"} 10003\n",
		"\np_quota_used_bytes{quota=\"house\"} 11\n",
		"\n# TYPE p_quota_clients gauge\n",
		"\n# TYPE p_quota_save_failures_total counter\np_quota_save_failures_total 3\n",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("%s is not in\n%s", lines[i], text);
	assert_null(strstr(text, "gone"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(shows_all_quotas_where_nobody_has_used_any),
		T(shows_who_has_used_most_first),
		T(shows_one_quota_and_so_many_clients),
		T(shows_a_hundred_unless_told),
		T(refuses_to_show_what_is_not_there),
		T(odd_rows_do_not_spoil_the_list),
		T(a_reset_is_of_one_client_alone),
		T(refuses_to_change_what_is_not_there),
		T(refuses_who_cannot_be_of_that_quota),
		T(a_client_is_called_as_it_is_counted),
		T(what_is_granted_is_added),
		T(refuses_what_is_no_size),
		T(grants_do_not_turn_over),
		T(tells_that_there_is_no_room),
		T(changes_are_kept_at_once),
		T(metrics_count_clients_and_bytes_of_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
