/* gatehouse proxy top: the servers of all pools by their rate, every second anew. */
#include "cli/commands.h"

#include "cli/print.h"
#include "cli/proxy.h"
#include "cli/remote.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS_MAX = 1024, WORD_MAX = 96 };

/* A server of a pool between two looks at it. */
struct row {
	const char *pool, *server, *state; /* borrowed from the answer */
	long long requests, failures, bytes, running;
	long long p99_us;
};

struct look {
	json_t *answer; /* NULL: none yet */
	long long time_us;
	struct row rows[ROWS_MAX];
	size_t rows_n;
};

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void fill(struct look *l)
{
	const json_t *pool, *b;
	size_t i, k;
	l->rows_n = 0;
	l->time_us = number_of(l->answer, "time_us");
	json_array_foreach(json_object_get(l->answer, "pools"), i, pool)
	{
		json_array_foreach(json_object_get(pool, "backends"), k, b)
		{
			if (l->rows_n == ROWS_MAX)
				return;
			l->rows[l->rows_n++] = (struct row){
				.pool = json_string_value(json_object_get(pool, "pool")),
				.server = json_string_value(json_object_get(b, "address")),
				.state = json_string_value(json_object_get(b, "state")),
				.requests = number_of(b, "requests"),
				.failures = proxy_failures(b),
				.bytes = number_of(b, "bytes_in"),
				.running = number_of(b, "in_flight"),
				.p99_us = number_of(b, "p99_us"),
			};
		}
	}
}

/* What it was before; NULL: it was not there. */
static const struct row *before(const struct look *l, const struct row *r)
{
	for (size_t i = 0; i < l->rows_n; i++)
		if (strcmp(l->rows[i].pool, r->pool) == 0 &&
		    strcmp(l->rows[i].server, r->server) == 0)
			return &l->rows[i];
	return NULL;
}

/* The rows as rates: per second, of the time between the two. */
static void rate(const struct look *old, struct look *now, struct row *ret)
{
	long long us = now->time_us - old->time_us;
	for (size_t i = 0; i < now->rows_n; i++) {
		const struct row *b = before(old, &now->rows[i]);
		ret[i] = now->rows[i];
		if (!b || us <= 0)
			b = &now->rows[i];
		ret[i].requests = (ret[i].requests - b->requests) * 1000000 / (us > 0 ? us : 1);
		ret[i].bytes = (ret[i].bytes - b->bytes) * 1000000 / (us > 0 ? us : 1);
		ret[i].failures -= b->failures;
	}
}

static int by_rate(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	return (x->requests < y->requests) - (x->requests > y->requests);
}

static void print_rows(const struct row *rows, size_t n, bool colour)
{
	static const char *const heads[] = {"POOL", "SERVER",  "STATE",	 "REQ/S",
					    "KB/S", "RUNNING", "FAILED", "P99"};
	struct print_table t;
	char text[32];
	print_table_init(&t, stdout, colour, sizeof(heads) / sizeof(heads[0]), heads);
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		bool up = strcmp(r->state, "up") == 0;
		print_cell(&t, PRINT_BOLD, "%s", r->pool);
		print_cell(&t, PRINT_PLAIN, "%s", r->server);
		print_cell(&t, up ? PRINT_GREEN : PRINT_RED, "%s", r->state);
		print_cell(&t, PRINT_PLAIN, "%lld", r->requests);
		print_cell(&t, PRINT_PLAIN, "%lld", r->bytes / 1000);
		print_cell(&t, PRINT_PLAIN, "%lld", r->running);
		print_cell(&t, r->failures ? PRINT_YELLOW : PRINT_DIM, "%lld", r->failures);
		print_cell(&t, PRINT_PLAIN, "%s",
			   r->p99_us ? print_duration_us((uint64_t)r->p99_us, text, sizeof(text))
				     : "-");
	}
	print_table_end(&t);
	(void)fflush(stdout);
}

/* The same as an object on a line. */
static void tell_rows(const struct row *rows, size_t n)
{
	json_t *servers = json_array();
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		json_array_append_new(
			servers, json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "pool", r->pool,
					   "server", r->server, "state", r->state, "requests_per_s",
					   r->requests, "bytes_per_s", r->bytes, "in_flight",
					   r->running, "failed", r->failures, "p99_us", r->p99_us));
	}
	json_t *object = json_pack("{s:o}", "servers", servers);
	(void)json_dumpf(object, stdout, JSON_COMPACT);
	(void)fputc('\n', stdout);
	(void)fflush(stdout);
	json_decref(object);
}

/* A terminal is written anew, from its upper left corner. */
static void show(const struct command_line *line, const struct row *rows, size_t n)
{
	if (line->json) {
		tell_rows(rows, n);
		return;
	}
	(void)printf("%s", line->colour ? "\033[H\033[2J" : "");
	print_rows(rows, n, line->colour);
}

static void pause_s(unsigned seconds)
{
	struct timespec t = {.tv_sec = seconds};
	(void)nanosleep(&t, NULL);
}

static int top_run(const struct command_line *line)
{
	const char *times = command_line_value(line, "times");
	unsigned long left = times ? strtoul(times, NULL, 10) : 0;
	struct look *looks = calloc(2, sizeof(*looks));
	struct row *rows = calloc(ROWS_MAX, sizeof(*rows));
	int code = EXIT_OK;
	if (!looks || !rows || (times && left == 0)) {
		code = times && left == 0 ? command_misused(NULL, "--times wants a number above 0")
					  : command_fail(NULL, "out of memory");
		goto end;
	}
	for (unsigned turn = 0;; turn++) {
		struct look *now = &looks[turn % 2], *old = &looks[(turn + 1) % 2];
		json_decref(now->answer);
		now->answer = remote_ask(line, proxy_service, "GET", "/backends", &code);
		if (!now->answer)
			break;
		fill(now);
		if (old->answer) {
			rate(old, now, rows);
			qsort(rows, now->rows_n, sizeof(rows[0]), by_rate);
			show(line, rows, now->rows_n);
			if (times && --left == 0)
				break;
		}
		pause_s(1);
	}
	json_decref(looks[0].answer);
	json_decref(looks[1].answer);
end:
	free(looks);
	free(rows);
	return code;
}

static const struct command_option top_options[] = {
	{"times", 'n', "N", "end after N tables; goes on unless given"},
	REMOTE_OPTIONS,
};

const struct command proxy_top_verb = {
	.name = "top",
	.within = "proxy",
	.arguments = "",
	.summary = "Show the servers by their rate, anew every second",
	.options = top_options,
	.options_n = sizeof(top_options) / sizeof(top_options[0]),
	.run = top_run,
};
