/* gatehouse proxy cache [show|why|purge]: what is kept of answers, and why. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/print.h"
#include "cli/proxy.h"
#include "cli/remote.h"
#include "proto/http/http1.h"

#include <string.h>
#include <unistd.h>

enum { TARGET_SIZE = 16 * 1024, PATH_SIZE = 512 };

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* The proxy that is meant: the one that runs, of both the reverse proxy. */
static const char *service_of(const struct command_line *line)
{
	static const char forward[] = "forward-proxy";
	char path[PATH_SIZE];
	if (command_line_value(line, "forward"))
		return forward;
	bool reverse = remote_path(line, proxy_service, path, sizeof(path)) != OK ||
		       access(path, F_OK) == 0;
	if (reverse || remote_path(line, forward, path, sizeof(path)) != OK ||
	    access(path, F_OK) != 0)
		return proxy_service;
	return forward;
}

/* A verb of the service with at most one parameter. NULL: as remote_ask_or_print. */
static json_t *ask(const struct command_line *line, const char *method, const char *verb,
		   const char *name, const char *value, int *ret_code)
{
	char target[TARGET_SIZE];
	struct writer w = writer_of(target, sizeof(target) - 1);
	write_text(&w, verb);
	if (value) {
		write_format(&w, "?%s=", name);
		http_percent_encode(&w, span_text(value));
	}
	if (w.bad) {
		*ret_code = command_misused(NULL, "that is too long");
		return NULL;
	}
	target[w.pos] = '\0';
	return remote_ask_or_print(line, service_of(line), method, target, ret_code);
}

/* --- show --- */

static void print_objects(const json_t *objects, bool colour)
{
	static const char *const heads[] = {"ADDRESS", "STATUS", "SIZE", "AGE",
					    "FRESH",   "HITS",	 "TIER"};
	struct print_table table;
	const json_t *o;
	size_t i;
	print_table_init(&table, stdout, colour, sizeof(heads) / sizeof(heads[0]), heads);
	json_array_foreach(objects, i, o)
	{
		long long ttl = number_of(o, "ttl");
		print_cell(&table, PRINT_BOLD, "%s", text_of(o, "url"));
		print_cell(&table, PRINT_PLAIN, "%lld", number_of(o, "status"));
		print_cell(&table, PRINT_PLAIN, "%lld", number_of(o, "bytes"));
		print_cell(&table, PRINT_PLAIN, "%lld s", number_of(o, "age"));
		print_cell(&table, ttl > 0 ? PRINT_GREEN : PRINT_YELLOW, "%lld s", ttl);
		print_cell(&table, PRINT_PLAIN, "%lld", number_of(o, "hits"));
		print_cell(&table, PRINT_PLAIN, "%s",
			   strcmp(text_of(o, "tier"), "both") == 0 ? "memory, disk" : "memory");
	}
	print_table_end(&table);
}

static void print_disk(const json_t *disk)
{
	(void)printf("On the disk: %lld answers in %lld of %lld octets; %lld read, %lld written, "
		     "%lld not written, %lld not whole, %lld errors%s.\n",
		     number_of(disk, "count"), number_of(disk, "bytes"), number_of(disk, "size"),
		     number_of(disk, "reads"), number_of(disk, "writes"),
		     number_of(disk, "dropped"), number_of(disk, "torn"), number_of(disk, "errors"),
		     json_is_true(json_object_get(disk, "sweeps")) ? "; a purge is on its way"
								   : "");
}

static int show(const struct command_line *line, const char *prefix)
{
	int code;
	json_t *answer = ask(line, "GET", "/cache", "prefix", prefix, &code);
	if (!answer)
		return code;
	(void)printf("%lld answers in %lld of %lld octets; %lld hits, %lld misses, %lld stale, "
		     "%lld validated; %lld octets and %.1f s saved.\n",
		     number_of(answer, "count"), number_of(answer, "bytes"),
		     number_of(answer, "memory"), number_of(answer, "hits"),
		     number_of(answer, "misses"), number_of(answer, "stale"),
		     number_of(answer, "validated"), number_of(answer, "saved_bytes"),
		     (double)number_of(answer, "saved_ms") / 1000);
	const json_t *disk = json_object_get(answer, "disk");
	if (disk)
		print_disk(disk);
	if (json_array_size(json_object_get(answer, "objects")))
		print_objects(json_object_get(answer, "objects"), line->colour);
	json_decref(answer);
	return EXIT_OK;
}

/* --- why --- */

static void print_why(const json_t *o)
{
	long long ttl = number_of(o, "ttl");
	if (json_object_get(o, "refused")) {
		(void)printf("The last answer was not kept: %s.\n", text_of(o, "rule"));
		return;
	}
	(void)printf("Kept: status %lld, %lld octets, %lld s old, %s for %lld s",
		     number_of(o, "status"), number_of(o, "bytes"), number_of(o, "age"),
		     ttl > 0 ? "fresh" : "stale", ttl > 0 ? ttl : -ttl);
	(void)printf(" (its lifetime of %lld s is by %s)", number_of(o, "lifetime"),
		     text_of(o, "lifetime_by"));
	if (json_is_true(json_object_get(o, "no_cache")))
		(void)printf("; validated at each use (no-cache, RFC 9111 5.2.2.4)");
	if (json_is_true(json_object_get(o, "must_revalidate")))
		(void)printf("; never used stale (RFC 9111 5.2.2.2)");
	if (*text_of(o, "vary"))
		(void)printf("; for requests alike in %s", text_of(o, "vary"));
	(void)printf("; %lld hits.\n", number_of(o, "hits"));
}

static int why(const struct command_line *line, const char *url)
{
	const json_t *o;
	size_t i;
	int code;
	json_t *answer = ask(line, "GET", "/cache/why", "url", url, &code);
	if (!answer)
		return code;
	const json_t *objects = json_object_get(answer, "objects");
	long long below = number_of(answer, "disk");
	if (!json_array_size(objects) && below)
		(void)printf("On the disk, and not in memory: %lld of %s.\n", below,
			     text_of(answer, "url"));
	else if (!json_array_size(objects))
		(void)printf("There is nothing of %s: nobody asked for it where answers are kept, "
			     "or it had to go.\n",
			     text_of(answer, "url"));
	json_array_foreach(objects, i, o)
	{
		print_why(o);
	}
	json_decref(answer);
	return EXIT_OK;
}

/* --- purge --- */

static int purge(const struct command_line *line, const char *url)
{
	const char *tag = command_line_value(line, "tag");
	const char *prefix = command_line_value(line, "prefix");
	bool all = command_line_value(line, "all") != NULL;
	int code;
	if ((url != NULL) + (tag != NULL) + (prefix != NULL) + all != 1)
		return command_misused(NULL, "purge wants an address, --prefix, --tag or --all");
	json_t *answer = url   ? ask(line, "POST", "/cache/purge", "url", url, &code)
			 : tag ? ask(line, "POST", "/cache/purge", "tag", tag, &code)
			 : all ? ask(line, "POST", "/cache/purge", "all", "1", &code)
			       : ask(line, "POST", "/cache/purge", "prefix", prefix, &code);
	if (!answer)
		return code;
	(void)printf("%lld answers are forgotten.\n", number_of(answer, "purged"));
	if (json_is_true(json_object_get(answer, "sweeps")))
		(void)printf("More may be on the disk: none of them is given any more.\n");
	if (json_is_false(json_object_get(answer, "lasting")))
		(void)printf("The disk was not told in time: after a crash they may be back.\n");
	json_decref(answer);
	return EXIT_OK;
}

static int run(const struct command_line *line)
{
	const char *verb = line->arguments_n ? line->arguments[0] : "show";
	const char *what = line->arguments_n > 1 ? line->arguments[1] : NULL;
	if (strcmp(verb, "show") == 0)
		return show(line, what);
	if (strcmp(verb, "purge") == 0)
		return purge(line, what);
	if (strcmp(verb, "why") == 0 && what)
		return why(line, what);
	return command_misused(NULL, "write `show`, `why ADDRESS` or `purge`");
}

static const struct command_option options[] = {
	{"prefix", 'b', "BEGINNING", "with purge: all addresses that begin so"},
	{"tag", 't', "TAG", "with purge: all answers with this Surrogate-Key or Cache-Tag"},
	{"all", 'a', NULL, "with purge: everything"},
	{"forward", 'f', NULL, "of the forward proxy, where the reverse proxy runs too"},
	REMOTE_OPTIONS,
};

const struct command proxy_cache_verb = {
	.name = "cache",
	.within = "proxy",
	.arguments = "[show [BEGINNING] | why ADDRESS | purge [ADDRESS]]",
	.summary = "What a proxy keeps of answers, why, and how to have it forgotten",
	.arguments_max = 2,
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = run,
};
