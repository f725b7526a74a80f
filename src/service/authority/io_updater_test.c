/* The updater's thread with two workers' queues: what comes back is on the disk. Runs with threads:
 * the test is the workers and the main thread. */
#include "service/authority/io_updater.h"

#include "os/loop.h"
#include "proto/dns/code.h"
#include "proto/dns/type.h"
#include "service/authority/ask_test.h"
#include "service/authority/io_counters.h"
#include "service/authority/io_dynamic.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PORTS = 2, TURNS = 2000 };

#define ZONE "@ 60 IN SOA ns host 1 2 3 4 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n"

struct bench {
	char folder[64];
	struct ask *ask;
	struct dns_tsig_key key;
	struct dns_name origin;
	struct generation *generation;
	struct loop main, workers[PORTS];
	struct counter_set counters;
	struct updater *updater;
	unsigned main_woken, woken[PORTS];
};

static struct dns_name named(const char *text)
{
	struct dns_name n;
	assert_int_equal(dns_name_from_text(span_text(text), NULL, &n), OK);
	return n;
}

static void main_wakes(void *arg)
{
	struct bench *b = arg;
	b->main_woken++;
}

static void worker_wakes(void *arg)
{
	unsigned *woken = arg;
	(*woken)++;
}

/* A zone with its journal in the folder, as a start makes it. */
static struct dynamic_zone *zone_open(struct bench *b, struct zone **ret)
{
	struct dynamic_zone *dz = NULL;
	struct zone *file = NULL;
	assert_int_equal(ask_load(b->ask, "home.test.", ZONE, false, &file), OK);
	assert_int_equal(dynamic_zone_new(b->folder, &b->origin, &dz), OK);
	assert_int_equal(dynamic_zone_load(dz, file, ret), OK);
	return dz;
}

static int bench_open(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	(void)snprintf(b->folder, sizeof(b->folder), "/tmp/gatehouse-updater-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	b->ask = ask_new();
	b->origin = named("home.test.");
	b->key = (struct dns_tsig_key){.name = named("key.")};
	struct zone *served = NULL;
	struct dynamic_zone *dz = zone_open(b, &served);
	struct dns_name hosts = named("hosts.home.test.");
	struct update_rule rule = {.key = b->key.name, .below = &hosts, .below_n = 1};
	const struct update_policy policy = {.rules = &rule, .n = 1};
	struct zones *set = NULL;
	assert_int_equal(zones_new(ask_key, 1, 1, &set), OK);
	assert_int_equal(zones_add(set, &b->origin, served, NULL, 0), OK);
	assert_int_equal(zones_add_rules(set, NULL, 0, &policy, &dz->shared), OK);
	zones_updater_unref(&dz->shared);
	assert_int_equal(generation_new(set, &b->ask->conf, 1000, &b->generation), OK);
	assert_int_equal(loop_init(&b->main), OK);
	loop_on_wake(&b->main, main_wakes, b);
	assert_int_equal(counters_init(&b->counters, authority_counter_names, COUNTERS, 1), OK);
	assert_int_equal(updater_new(PORTS, counters_row(&b->counters, 0), &b->main, &b->updater),
			 OK);
	for (size_t i = 0; i < PORTS; i++) {
		assert_int_equal(loop_init(&b->workers[i]), OK);
		loop_on_wake(&b->workers[i], worker_wakes, &b->woken[i]);
		updater_listen(b->updater, i, &b->workers[i]);
	}
	*state = b;
	return 0;
}

static int bench_close(void **state)
{
	struct bench *b = *state;
	char path[128];
	updater_stop(b->updater);
	updater_free(b->updater);
	generation_unref(b->generation);
	for (size_t i = 0; i < PORTS; i++)
		loop_done(&b->workers[i]);
	loop_done(&b->main);
	counters_done(&b->counters);
	ask_free(b->ask);
	(void)snprintf(path, sizeof(path), "%s/home.test.journal", b->folder);
	(void)unlink(path);
	int failed = rmdir(b->folder);
	free(b);
	return failed;
}

/* An UPDATE that adds an A record for hNUMBER below it. */
static struct update_job *job_of(struct bench *b, unsigned number, const char *below)
{
	uint8_t room[256];
	char text[64];
	struct writer w = writer_of(room, sizeof(room));
	(void)snprintf(text, sizeof(text), "h%u.%s", number, below);
	struct dns_name name = named(text);
	write_u16(&w, (uint16_t)number);
	write_u16(&w, DNS_OPCODE_UPDATE << 11);
	write_u16(&w, 1); /* zone */
	write_u16(&w, 0);
	write_u16(&w, 1); /* updates */
	write_u16(&w, 0);
	write_span(&w, dns_name_span(&b->origin));
	write_u16(&w, DNS_TYPE_SOA);
	write_u16(&w, DNS_CLASS_IN);
	write_span(&w, dns_name_span(&name));
	write_u16(&w, DNS_TYPE_A);
	write_u16(&w, DNS_CLASS_IN);
	write_u32(&w, 60);
	write_u16(&w, 4);
	write_u32(&w, 0xc0000200 + number % 256);
	struct update_job *job = calloc(1, sizeof(*job) + w.pos);
	job->generation = generation_ref(b->generation);
	job->entry = &b->generation->zones->entries[0];
	job->tsig.key = &b->key;
	job->len = w.pos;
	memcpy(job->message, room, w.pos);
	return job;
}

static void put(struct bench *b, size_t port, unsigned number, const char *below)
{
	assert_true(updater_put(b->updater, port, job_of(b, number, below)));
}

/* The next one that comes back to the port: its number and what was answered. */
static unsigned taken(struct bench *b, size_t port, unsigned *ret_rcode)
{
	struct update_job *job = NULL;
	for (unsigned i = 0; i < TURNS && !(job = updater_take(b->updater, port)); i++)
		assert_int_equal(loop_turn(&b->workers[port], 5), OK);
	assert_non_null(job);
	assert_true(job->reply_len >= 12);
	unsigned number = (unsigned)job->reply[0] << 8 | job->reply[1];
	assert_int_equal(job->reply[2], 0x80 | DNS_OPCODE_UPDATE << 3);
	assert_int_equal(job->reply[3] & 15, job->result.rcode);
	*ret_rcode = job->result.rcode;
	generation_unref(job->generation);
	free(job);
	return number;
}

/* What a start would find: the records that the journal adds to the file. */
static size_t on_disk(struct bench *b)
{
	struct zone *served = NULL;
	struct dynamic_zone *dz = zone_open(b, &served);
	struct ask *fresh = ask_new();
	size_t n = 0;
	assert_int_equal(zones_add(fresh->set, &b->origin, served, NULL, 0), OK);
	for (unsigned i = 0; i < 120; i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "h%u.hosts.home.test.", i);
		n += strstr(ask(fresh, text, "A", 0), "an ") != NULL;
	}
	ask_free(fresh);
	zones_updater_unref(&dz->shared);
	return n;
}

static void what_comes_back_is_on_the_disk(void **state)
{
	struct bench *b = *state;
	unsigned rcode;
	assert_int_equal(updater_start(b->updater), OK);
	for (unsigned i = 0; i < 100; i++)
		put(b, i % PORTS, i, "hosts.home.test.");
	for (size_t i = 0; i < PORTS; i++) { /* nothing is taken, so each is woken */
		for (unsigned k = 0; k < TURNS && b->woken[i] == 0; k++)
			assert_int_equal(loop_turn(&b->workers[i], 5), OK);
		assert_true(b->woken[i] > 0);
	}
	for (unsigned i = 0; i < 100; i++) { /* in the order of its port */
		assert_int_equal(taken(b, i % PORTS, &rcode), i);
		assert_int_equal(rcode, DNS_RCODE_NOERROR);
	}
	assert_int_equal(on_disk(b), 100);
	assert_int_equal(loop_turn(&b->main, 1000), OK);
	assert_true(b->main_woken > 0);
	struct update_told told;
	unsigned n = 0;
	for (; updater_told(b->updater, &told); n++) {
		assert_int_equal(told.result.outcome, UPDATE_CHANGED);
		assert_true(dns_name_equal(&told.key, &b->key.name));
		assert_true(dns_name_equal(&told.zone, &b->origin));
	}
	assert_int_equal(n, 100);
}

static void what_changes_nothing_is_told_to_nobody(void **state)
{
	struct bench *b = *state;
	struct update_told told;
	unsigned rcode;
	assert_int_equal(updater_start(b->updater), OK);
	put(b, 0, 7, "hosts.home.test.");
	(void)taken(b, 0, &rcode);
	put(b, 1, 7, "hosts.home.test.");
	assert_int_equal(taken(b, 1, &rcode), 7);
	assert_int_equal(rcode, DNS_RCODE_NOERROR);
	assert_true(updater_told(b->updater, &told));
	assert_false(updater_told(b->updater, &told));
	/* And who may not is refused. */
	put(b, 0, 8, "home.test.");
	assert_int_equal(taken(b, 0, &rcode), 8);
	assert_int_equal(rcode, DNS_RCODE_REFUSED);
	assert_true(updater_told(b->updater, &told));
	assert_true(told.result.outcome >= UPDATE_FORBIDDEN);
	assert_int_equal(on_disk(b), 1);
}

/* The disk is full, as far as the journal can tell. */
static void what_the_disk_does_not_take_is_answered_servfail(void **state)
{
	struct bench *b = *state;
	char path[128];
	unsigned rcode;
	struct stat st;
	struct rlimit before, full;
	struct sigaction quiet = {.sa_handler = SIG_IGN}, old;
	assert_int_equal(updater_start(b->updater), OK);
	put(b, 0, 1, "hosts.home.test.");
	(void)taken(b, 0, &rcode);
	(void)snprintf(path, sizeof(path), "%s/home.test.journal", b->folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(sigaction(SIGXFSZ, &quiet, &old), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	full = (struct rlimit){.rlim_cur = (rlim_t)st.st_size, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	put(b, 0, 2, "hosts.home.test.");
	unsigned number = taken(b, 0, &rcode);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(sigaction(SIGXFSZ, &old, NULL), 0);
	assert_int_equal(number, 2);
	assert_int_equal(rcode, DNS_RCODE_SERVFAIL);
	assert_int_equal(on_disk(b), 1);
}

/* A worker that puts more than is taken is told so, and what waits at the end is let go. */
static void a_full_queue_takes_no_more(void **state)
{
	struct bench *b = *state;
	for (unsigned i = 0; i < UPDATER_WAIT_MAX; i++)
		put(b, 0, i, "hosts.home.test.");
	struct update_job *more = job_of(b, 1, "hosts.home.test.");
	assert_false(updater_put(b->updater, 0, more));
	generation_unref(more->generation);
	free(more);
	put(b, 1, 1, "hosts.home.test."); /* the other worker's is its own */
	assert_int_equal(on_disk(b), 0);
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(what_the_disk_does_not_take_is_answered_servfail),
		FACT(what_changes_nothing_is_told_to_nobody),
		FACT(a_full_queue_takes_no_more),
		FACT(what_comes_back_is_on_the_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
