/* gatehouse trace NAME [TYPE]: a resolution, shown step by step as the resolver takes it. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/idn.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "proto/http/http1.h"

#include <string.h>

struct shown {
	const struct command_line *line;
	bool summary;
	int status;
};

static const char *text_of(const json_t *step, const char *key)
{
	const char *text = json_string_value(json_object_get(step, key));
	return text ? text : "";
}

static json_int_t number_of(const json_t *step, const char *key)
{
	return json_integer_value(json_object_get(step, key));
}

static bool has(const json_t *step, const char *key)
{
	return json_object_get(step, key) != NULL;
}

static enum print_style kind_style(const char *kind)
{
	static const struct {
		const char *kind;
		enum print_style style;
	} styles[] = {{"caching", PRINT_GREEN},
		      {"recursive", PRINT_CYAN},
		      {"root", PRINT_RED},
		      {"tld", PRINT_YELLOW},
		      {"authoritative", PRINT_BLUE}};
	for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++)
		if (strcmp(styles[i].kind, kind) == 0)
			return styles[i].style;
	return PRINT_PLAIN;
}

/* What was said, in words. */
static void said_print(const json_t *step)
{
	const char *event = text_of(step, "event");
	char name[IDN_TEXT_MAX];
	if (strcmp(event, "referral") == 0)
		(void)printf("ask the servers of %s",
			     idn_to_shown(text_of(step, "target"), name, sizeof(name)));
	else if (strcmp(event, "cname") == 0)
		(void)printf("it is an alias of %s",
			     idn_to_shown(text_of(step, "target"), name, sizeof(name)));
	else if (strcmp(event, "hit") == 0)
		(void)printf("in the cache");
	else if (strcmp(event, "miss") == 0)
		(void)printf("not in the cache");
	else if (strcmp(event, "start") == 0)
		(void)printf("walks the tree of names");
	else if (strcmp(event, "restart") == 0)
		(void)printf("walks again, for the alias' target");
	else if (strcmp(event, "nxdomain") == 0)
		(void)printf("there is no such name");
	else if (strcmp(event, "nodata") == 0)
		(void)printf("no record of this type");
	else
		(void)printf("%s", event);
	if (has(step, "rcode") && strcmp(text_of(step, "rcode"), "NOERROR") != 0 &&
	    strcmp(event, "nxdomain") != 0)
		(void)printf(" (%s)", text_of(step, "rcode"));
}

static void records_print(const json_t *step, const char *key, const char *indent, bool colour)
{
	size_t i;
	json_t *record;
	json_array_foreach(json_object_get(step, key), i, record)
	{
		char shown[IDN_TEXT_MAX];
		const char *text = json_string_value(record);
		(void)printf("%s%s%s%s\n", indent, print_style_on(colour, PRINT_DIM),
			     strlen(text) < sizeof(shown) / 2
				     ? idn_to_shown(text, shown, sizeof(shown))
				     : text,
			     print_style_off(colour, PRINT_DIM));
	}
}

/* Which server, where, how long and how many packets. */
static void server_print(const json_t *step)
{
	char time[64];
	(void)printf("\n      ");
	if (has(step, "server"))
		(void)printf("%s ", text_of(step, "server"));
	const char *address = text_of(step, "address");
	(void)printf(strchr(address, ':') ? "[%s]:%d %s" : "%s:%d %s", address,
		     (int)number_of(step, "port"), text_of(step, "transport"));
	if (has(step, "round_trip_us"))
		(void)printf(", %s", print_duration_us((uint64_t)number_of(step, "round_trip_us"),
						       time, sizeof(time)));
	if (number_of(step, "retransmissions"))
		(void)printf(", after %d in vain", (int)number_of(step, "retransmissions"));
	(void)printf(", %d packets", (int)number_of(step, "packets"));
	if (has(step, "ttl"))
		(void)printf(", TTL %d s", (int)number_of(step, "ttl"));
}

static void step_print(const struct shown *s, const json_t *step)
{
	const char *kind = text_of(step, "kind");
	bool colour = s->line->colour;
	char name[IDN_TEXT_MAX], zone[IDN_TEXT_MAX];
	(void)printf("%3d  %*s%s%-13s%s  ", (int)number_of(step, "step"),
		     (int)number_of(step, "depth") * 2, "",
		     print_style_on(colour, kind_style(kind)), kind,
		     print_style_off(colour, kind_style(kind)));
	(void)printf("%s %s", idn_to_shown(text_of(step, "name"), name, sizeof(name)),
		     text_of(step, "type"));
	if (has(step, "zone"))
		(void)printf("?  asked of the zone %s",
			     idn_to_shown(text_of(step, "zone"), zone, sizeof(zone)));
	(void)printf("  ->  %s", print_style_on(colour, PRINT_BOLD));
	said_print(step);
	(void)printf("%s", print_style_off(colour, PRINT_BOLD));
	if (has(step, "address"))
		server_print(step);
	else if (has(step, "ttl"))
		(void)printf(", TTL %d s left", (int)number_of(step, "ttl"));
	(void)printf("\n");
	records_print(step, "records", "        ", colour);
}

static void summary_print(const struct shown *s, const json_t *sum)
{
	char time[64], name[IDN_TEXT_MAX];
	bool colour = s->line->colour;
	(void)printf("\n%s%s %s%s: %s", print_style_on(colour, PRINT_BOLD),
		     idn_to_shown(text_of(sum, "name"), name, sizeof(name)), text_of(sum, "type"),
		     print_style_off(colour, PRINT_BOLD), text_of(sum, "rcode"));
	if (has(sum, "error"))
		(void)printf(" (%s)", text_of(sum, "error"));
	(void)printf(" after %s",
		     print_duration_us((uint64_t)number_of(sum, "time_us"), time, sizeof(time)));
	if (json_is_true(json_object_get(sum, "cached")))
		(void)printf(", from the cache: no packet went to a server");
	(void)printf("\n");
	records_print(sum, "answer", "  ", false);
	if (!json_is_true(json_object_get(sum, "cached")))
		(void)printf("\nPackets between the resolver and the servers: %d; this walk takes "
			     "%d over UDP (question "
			     "and answer),\n%d over TCP (11 each: handshake 3, request, ack, "
			     "response, ack, close 4).\n",
			     (int)number_of(sum, "packets"), (int)number_of(sum, "packets_udp"),
			     (int)number_of(sum, "packets_tcp"));
}

static bool line_arrived(void *arg, json_t *step)
{
	struct shown *s = arg;
	const char *kind = text_of(step, "kind");
	bool summary = strcmp(kind, "summary") == 0;
	if (summary) {
		const char *rcode = text_of(step, "rcode");
		s->summary = true;
		s->status = strcmp(rcode, "NOERROR") == 0 || strcmp(rcode, "NXDOMAIN") == 0
				    ? EXIT_OK
				    : EXIT_FAILED;
	}
	if (s->line->json) {
		(void)json_dumpf(step, stdout, JSON_COMPACT);
		(void)fputc('\n', stdout);
	} else if (summary) {
		summary_print(s, step);
	} else {
		step_print(s, step);
	}
	return fflush(stdout) == 0;
}

static enum err target_write(const struct command_line *line, const char *name, char *buf,
			     size_t size)
{
	struct writer w = writer_of(buf, size - 1);
	write_text(&w, "/trace?name=");
	http_percent_encode(&w, span_text(name));
	write_text(&w, "&type=");
	http_percent_encode(&w, span_text(line->arguments_n > 1 ? line->arguments[1] : "A"));
	TRY(writer_check(&w));
	buf[w.pos] = '\0';
	return OK;
}

static int trace_run(const struct command_line *line)
{
	struct shown shown = {.line = line, .status = EXIT_FAILED};
	char name[IDN_TEXT_MAX], target[4096], path[512];
	json_t *error = NULL;
	int status = 0;
	if (idn_to_ascii(line->arguments[0], name, sizeof(name)) ||
	    target_write(line, name, target, sizeof(target)))
		return command_misused(NULL, "'%s' is no name that DNS can carry",
				       line->arguments[0]);
	enum err e = remote_path(line, "resolver", path, sizeof(path));
	if (!e)
		e = remote_stream(path, "POST", target, line_arrived, &shown, &status, &error);
	if (e)
		return remote_fail(path, e);
	int code = status == 200 ? shown.status : remote_refused(status, error);
	json_decref(error);
	if (status == 200 && !shown.summary)
		return command_fail(NULL, "the resolver ended before the trace did");
	return code;
}

static const struct command_option trace_options[] = {REMOTE_OPTIONS};

const struct command command_trace = {
	.name = "trace",
	.arguments = "NAME [TYPE]",
	.summary = "Resolve a name and show each step: which server, what it was asked and said, "
		   "how many packets",
	.arguments_min = 1,
	.arguments_max = 2,
	.options = trace_options,
	.options_n = sizeof(trace_options) / sizeof(trace_options[0]),
	.run = trace_run,
};
