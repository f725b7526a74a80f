/* gatehouse leases: who has which address. gatehouse lease show|release|reserve|renew ADDRESS: one
 * of them. All of it is asked of the address server by its control socket. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "proto/http/http1.h"

#include <stdlib.h>
#include <string.h>

enum { TARGET_SIZE = 2048, PAGE = 250 };

static const char service[] = "dhcp";

/* --- requests --- */

/* "?a=b" or "&a=b", when value is not NULL. */
static void parameter(struct writer *w, const char *name, const char *value)
{
	if (!value)
		return;
	write_text(w, memchr(w->data, '?', w->pos) ? "&" : "?");
	write_text(w, name);
	write_text(w, "=");
	http_percent_encode(w, span_text(value));
}

/* As remote_ask; a target that is too long is the fault of who typed it. */
static json_t *ask(const struct command_line *line, const char *method, const struct writer *target,
		   int *ret_code)
{
	char text[TARGET_SIZE];
	if (target->bad || !span_to_cstr(writer_span(target), text, sizeof(text))) {
		*ret_code = command_misused(NULL, "the request is too long");
		return NULL;
	}
	return remote_ask(line, service, method, text, ret_code);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* --- all of them --- */

static enum print_style style_of(const char *state)
{
	if (strcmp(state, "bound") == 0)
		return PRINT_GREEN;
	if (strcmp(state, "declined") == 0 || strcmp(state, "conflict") == 0)
		return PRINT_RED;
	return strcmp(state, "offered") == 0 ? PRINT_YELLOW : PRINT_DIM;
}

static void left_print(struct print_table *t, const json_t *lease)
{
	char text[64];
	const json_t *left = json_object_get(lease, "left_s");
	if (left)
		print_cell(t, PRINT_PLAIN, "%s",
			   print_duration_us((uint64_t)json_integer_value(left) * 1000000, text,
					     sizeof(text)));
	else
		print_cell(t, PRINT_DIM, "%s",
			   strcmp(text_of(lease, "expires"), "never") == 0 ? "never" : "-");
}

static void lease_print(struct print_table *t, const json_t *lease)
{
	const char *state = text_of(lease, "state");
	const char *mac = text_of(lease, "mac");
	print_cell(t, PRINT_BOLD, "%s", text_of(lease, "address"));
	print_cell(t, style_of(state), "%s", state);
	left_print(t, lease);
	print_cell(t, PRINT_PLAIN, "%s", mac[0] ? mac : text_of(lease, "client_id"));
	print_cell(t, PRINT_PLAIN, "%s", text_of(lease, "name"));
	print_cell(t, PRINT_DIM, "%s", text_of(lease, "network"));
}

static void lease6_print(struct print_table *t, const json_t *lease)
{
	const char *state = text_of(lease, "state");
	print_cell(t, PRINT_BOLD, "%s", text_of(lease, "lease"));
	print_cell(t, style_of(state), "%s", state);
	left_print(t, lease);
	print_cell(t, PRINT_PLAIN, "%s", text_of(lease, "duid"));
	print_cell(t, PRINT_PLAIN, "%s", text_of(lease, "name"));
	print_cell(t, PRINT_DIM, "%s", text_of(lease, "network"));
}

static void target_write(const struct command_line *line, bool v6, const char *from,
			 struct writer *w)
{
	static const char *const filters[] = {"network", "mac", "name", "state"};
	char limit[16];
	write_text(w, v6 ? "/leases6" : "/leases");
	for (size_t i = 0; !v6 && i < sizeof(filters) / sizeof(filters[0]); i++)
		parameter(w, filters[i], command_line_value(line, filters[i]));
	parameter(w, "from", from);
	(void)snprintf(limit, sizeof(limit), "%d", PAGE);
	parameter(w, "limit", limit);
}

/* JSON goes out lease by lease, so that a million of them need no memory here. */
static void page_json(const json_t *leases, bool *first)
{
	size_t i;
	json_t *lease;
	json_array_foreach(leases, i, lease)
	{
		(void)fputs(*first ? "[\n  " : ",\n  ", stdout);
		*first = false;
		(void)json_dumpf(lease, stdout, JSON_COMPACT);
	}
}

static void page_print(struct print_table *t, const json_t *leases, bool v6)
{
	size_t i;
	json_t *lease;
	json_array_foreach(leases, i, lease)
	{
		if (v6)
			lease6_print(t, lease);
		else
			lease_print(t, lease);
	}
}

static int leases_run(const struct command_line *line)
{
	bool v6 = command_line_value(line, "ipv6") != NULL;
	static const char *const heads[] = {"ADDRESS", "STATE", "LEFT",
					    "CLIENT",  "NAME",	"NETWORK"};
	struct print_table table;
	char from[64] = "";
	bool first = true, more = true;
	int code = EXIT_OK;
	for (unsigned page = 0; more; page++) {
		char room[TARGET_SIZE];
		struct writer target = writer_of(room, sizeof(room));
		target_write(line, v6, from[0] ? from : NULL, &target);
		json_t *answer = ask(line, "GET", &target, &code);
		if (!answer)
			break;
		if (!line->json)
			print_table_init(&table, stdout, line->colour, 6, heads);
		if (line->json)
			page_json(json_object_get(answer, "leases"), &first);
		else
			page_print(&table, json_object_get(answer, "leases"), v6);
		if (!line->json)
			print_table_end(&table);
		more = json_object_get(answer, "next") != NULL;
		if (v6)
			(void)snprintf(
				from, sizeof(from), "%lld",
				(long long)json_integer_value(json_object_get(answer, "next")));
		else
			(void)snprintf(from, sizeof(from), "%s", text_of(answer, "next"));
		json_decref(answer);
	}
	if (line->json && code == EXIT_OK)
		(void)fputs(first ? "[]\n" : "\n]\n", stdout);
	return code;
}

static const struct command_option leases_options[] = {
	REMOTE_OPTIONS,
	{"ipv6", '6', NULL, "addresses and prefixes of IPv6, all of them"},
	{"network", 'n', "NETWORK", "only of this network: its name, or a prefix"},
	{"mac", 'm', "MAC", "only of this client"},
	{"name", 0, "NAME", "only of this name; a * at the end is anything"},
	{"state", 's', "STATE", "offered, bound, released, expired, declined or conflict"},
};

const struct command command_leases = {
	.name = "leases",
	.arguments = "",
	.summary = "Show who has which address",
	.options = leases_options,
	.options_n = sizeof(leases_options) / sizeof(leases_options[0]),
	.run = leases_run,
};

/* --- one of them --- */

/* said: for people, when the answer is no more than "yes"; NULL: its members are shown. */
static int lease_do(const struct command_line *line, const char *method, const char *path,
		    const char *said)
{
	static const char *const more[] = {"mac", "client-id", "duid", "name", "remove"};
	char room[TARGET_SIZE];
	struct writer target = writer_of(room, sizeof(room));
	int code = EXIT_OK;
	write_text(&target, path);
	parameter(&target, "address", line->arguments[0]);
	for (size_t i = 0;
	     strcmp(path, "/lease/reserve") == 0 && i < sizeof(more) / sizeof(more[0]); i++)
		parameter(&target, more[i],
			  strcmp(more[i], "remove") == 0 && command_line_value(line, more[i])
				  ? "1"
				  : command_line_value(line, more[i]));
	json_t *answer = ask(line, method, &target, &code);
	if (!answer)
		return code;
	if (line->json) {
		(void)json_dumpf(answer, stdout, JSON_INDENT(2));
		(void)fputc('\n', stdout);
	} else if (said) {
		(void)printf("%s\n", said);
	} else {
		remote_members_print(answer, 12);
	}
	json_decref(answer);
	return EXIT_OK;
}

static int show_run(const struct command_line *line)
{
	return lease_do(line, "GET", "/lease", NULL);
}

static int release_run(const struct command_line *line)
{
	return lease_do(line, "POST", "/lease/release", "released");
}

static int renew_run(const struct command_line *line)
{
	return lease_do(line, "POST", "/lease/renew", "the client was asked to renew");
}

static int reserve_run(const struct command_line *line)
{
	return lease_do(line, "POST", "/lease/reserve", NULL);
}

static const struct command_option lease_options[] = {REMOTE_OPTIONS};

static const struct command_option reserve_options[] = {
	REMOTE_OPTIONS,
	{"mac", 'm', "MAC", "for the client with this MAC address"},
	{"client-id", 0, "ID", "for the client that calls itself so (text, or hex:01aabb...)"},
	{"duid", 0, "DUID", "for the IPv6 client with this DUID (00:03:00:01:02:...)"},
	{"name", 0, "NAME", "the host name that it gets"},
	{"remove", 0, NULL, "give up a reservation that this command made"},
};

#define LEASE_VERB(word, text, choices)                                                            \
	static const struct command lease_##word##_verb = {                                        \
		.name = #word,                                                                     \
		.within = "lease",                                                                 \
		.arguments = "ADDRESS",                                                            \
		.summary = text,                                                                   \
		.arguments_min = 1,                                                                \
		.arguments_max = 1,                                                                \
		.options = choices,                                                                \
		.options_n = sizeof(choices) / sizeof((choices)[0]),                               \
		.run = word##_run,                                                                 \
	}

LEASE_VERB(show, "Show a lease with all that is known of it", lease_options);
LEASE_VERB(release, "End a lease, as if its client had given it back", lease_options);
LEASE_VERB(renew, "Ask a lease's client to renew it now (RFC 6704)", lease_options);
LEASE_VERB(reserve, "Keep an address for one client from now on: who has it, unless said",
	   reserve_options);

static const struct command *const lease_verbs[] = {&lease_show_verb, &lease_release_verb,
						    &lease_reserve_verb, &lease_renew_verb, NULL};

const struct command command_lease = {
	.name = "lease",
	.arguments = "",
	.summary = "Show, end, keep or renew one lease",
	.verbs = lease_verbs,
};
