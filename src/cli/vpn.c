/* gatehouse vpn peers|show|remove: who is at the other ends of the tunnels. */
#include "cli/commands.h"

#include "cli/print.h"
#include "cli/remote.h"
#include "cli/vpn.h"

#include <string.h>

enum { TARGET_SIZE = 512 };

/* Letters that need no escape in a target, and not too many. */
static bool is_plain_word(const char *text)
{
	return strlen(text) < 64 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
		       strlen(text);
}

json_t *vpn_ask(const struct command_line *line, const char *method, const char *target,
		const char *name, int *ret_code)
{
	char text[TARGET_SIZE];

	if (!is_plain_word(name)) {
		*ret_code = command_misused("Small letters, digits and hyphens.",
					    "'%s' cannot be the name of a peer", name);
		return NULL;
	}
	(void)snprintf(text, sizeof(text), "%s?name=%s", target, name);
	return remote_ask(line, "vpn", method, text, ret_code);
}

int vpn_json_print(json_t *answer)
{
	(void)json_dumpf(answer, stdout, JSON_INDENT(2));
	(void)fputc('\n', stdout);
	json_decref(answer);
	return EXIT_OK;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static uint64_t number_of(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

/* "10.9.0.2, fd00:9::2": hosts without their length. */
static const char *list_text(const json_t *list, char *buf, size_t size)
{
	const json_t *item;
	size_t i, at = 0;

	buf[0] = '\0';
	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item) ? json_string_value(item) : "";
		const char *slash = strchr(text, '/');
		size_t len = strlen(text);
		if (slash && (strcmp(slash, "/128") == 0 ||
			      (strcmp(slash, "/32") == 0 && !strchr(text, ':'))))
			len = (size_t)(slash - text);
		int n = snprintf(buf + at, size - at, "%s%.*s", at ? ", " : "", (int)len, text);
		if (n < 0 || (size_t)n >= size - at)
			break;
		at += (size_t)n;
	}
	return buf;
}

static const char *bytes_text(uint64_t n, char *buf, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double x = (double)n;
	size_t u = 0;

	for (; x >= 1024 && u + 1 < sizeof(units) / sizeof(units[0]); u++)
		x /= 1024;
	(void)snprintf(buf, size, u ? "%.1f %s" : "%.0f %s", x, units[u]);
	return buf;
}

static const char *age_text(const json_t *peer, char *buf, size_t size)
{
	if (!json_object_get(peer, "handshake_age_s"))
		return "never";
	return print_duration_us(number_of(peer, "handshake_age_s") * 1000000, buf, size);
}

static enum print_style gate_style(const char *gate)
{
	return strcmp(gate, "open") == 0      ? PRINT_GREEN
	       : strcmp(gate, "expired") == 0 ? PRINT_RED
					      : PRINT_YELLOW;
}

/* One that nobody named is called by its key. */
static const char *name_of(const json_t *peer)
{
	return *text_of(peer, "name") ? text_of(peer, "name") : text_of(peer, "public_key");
}

/* --- peers ------------------------------------------------------------------------------------ */

static void peer_row(struct print_table *t, const json_t *peer)
{
	char buf[1024];

	print_cell(t, PRINT_BOLD, "%s", name_of(peer));
	print_cell(t, PRINT_PLAIN, "%s", text_of(peer, "interface"));
	print_cell(t, PRINT_PLAIN, "%s",
		   list_text(json_object_get(peer, "allowed_ips"), buf, sizeof(buf)));
	print_cell(t, gate_style(text_of(peer, "gate")), "%s", text_of(peer, "gate"));
	print_cell(t, PRINT_PLAIN, "%s", text_of(peer, "endpoint"));
	print_cell(t, PRINT_PLAIN, "%s", age_text(peer, buf, sizeof(buf)));
	print_cell(t, PRINT_PLAIN, "%s",
		   bytes_text(number_of(peer, "received_bytes"), buf, sizeof(buf)));
	print_cell(t, PRINT_PLAIN, "%s",
		   bytes_text(number_of(peer, "sent_bytes"), buf, sizeof(buf)));
	print_cell(t, PRINT_DIM, "%s", text_of(peer, "origin"));
}

static int peers_run(const struct command_line *line)
{
	static const char *const heads[] = {"NAME",	"INTERFACE", "ADDRESSES",
					    "STATE",	"ENDPOINT",  "HANDSHAKE",
					    "RECEIVED", "SENT",	     "FROM"};
	const char *interface = command_line_value(line, "interface");
	struct print_table table;
	char target[TARGET_SIZE];
	const json_t *peer;
	size_t i;
	int code;

	if (interface && !is_plain_word(interface))
		return command_misused(NULL, "'%s' cannot be an interface", interface);
	(void)snprintf(target, sizeof(target), "/peers%s%s", interface ? "?interface=" : "",
		       interface ? interface : "");
	json_t *answer = remote_ask(line, "vpn", "GET", target, &code);
	if (!answer)
		return code;
	if (line->json)
		return vpn_json_print(answer);
	print_table_init(&table, stdout, line->colour, sizeof(heads) / sizeof(heads[0]), heads);
	json_array_foreach(json_object_get(answer, "peers"), i, peer) peer_row(&table, peer);
	print_table_end(&table);
	json_decref(answer);
	return EXIT_OK;
}

static const struct command_option peers_options[] = {
	{"interface", 'i', "NAME", "those of one interface"},
	REMOTE_OPTIONS,
};

const struct command vpn_peers_verb = {
	.name = "peers",
	.within = "vpn",
	.arguments = "",
	.summary = "List the peers of the tunnels and how they do",
	.options = peers_options,
	.options_n = sizeof(peers_options) / sizeof(peers_options[0]),
	.run = peers_run,
};

/* --- show ------------------------------------------------------------------------------------- */

static void row(const struct command_line *line, const char *key, const char *value)
{
	if (*value)
		(void)printf("%s%-12s%s %s\n", print_style_on(line->colour, PRINT_DIM), key,
			     print_style_off(line->colour, PRINT_DIM), value);
}

static void refused_rows(const struct command_line *line, const json_t *refused)
{
	const char *cause;
	json_t *n;
	char buf[128];

	json_object_foreach((json_t *)(uintptr_t)refused, cause, n)
	{
		(void)snprintf(buf, sizeof(buf), "%lld %s", json_integer_value(n), cause);
		row(line, "refused", buf);
	}
}

static void peer_show(const struct command_line *line, const json_t *peer)
{
	char buf[1024], more[64];

	row(line, "name", text_of(peer, "name"));
	row(line, "interface", text_of(peer, "interface"));
	row(line, "public key", text_of(peer, "public_key"));
	row(line, "addresses", list_text(json_object_get(peer, "allowed_ips"), buf, sizeof(buf)));
	row(line, "state", text_of(peer, "gate"));
	row(line, "sign-in", json_is_true(json_object_get(peer, "sign_in")) ? "required" : "off");
	row(line, "users", list_text(json_object_get(peer, "users"), buf, sizeof(buf)));
	row(line, "roles", list_text(json_object_get(peer, "roles"), buf, sizeof(buf)));
	row(line, "expires", text_of(peer, "expires"));
	row(line, "endpoint", text_of(peer, "endpoint"));
	row(line, "handshake", age_text(peer, buf, sizeof(buf)));
	(void)snprintf(buf, sizeof(buf), "%s in %llu packets",
		       bytes_text(number_of(peer, "received_bytes"), more, sizeof(more)),
		       (unsigned long long)number_of(peer, "received_packets"));
	row(line, "received", buf);
	(void)snprintf(buf, sizeof(buf), "%s in %llu packets",
		       bytes_text(number_of(peer, "sent_bytes"), more, sizeof(more)),
		       (unsigned long long)number_of(peer, "sent_packets"));
	row(line, "sent", buf);
	refused_rows(line, json_object_get(peer, "refused"));
	row(line, "known from", text_of(peer, "origin"));
}

static int show_run(const struct command_line *line)
{
	int code;
	json_t *answer = vpn_ask(line, "GET", "/peers", line->arguments[0], &code);

	if (!answer)
		return code;
	const json_t *peer = json_array_get(json_object_get(answer, "peers"), 0);
	if (!peer)
		code = command_fail("'gatehouse vpn peers' lists them all.",
				    "no peer is called '%s'", line->arguments[0]);
	else if (line->json)
		(void)json_dumpf(peer, stdout, JSON_INDENT(2)), (void)fputc('\n', stdout);
	else
		peer_show(line, peer);
	json_decref(answer);
	return code;
}

static const struct command_option options[] = {REMOTE_OPTIONS};

const struct command vpn_show_verb = {
	.name = "show",
	.within = "vpn",
	.arguments = "NAME",
	.summary = "Tell all of one peer",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = show_run,
};

/* --- remove ----------------------------------------------------------------------------------- */

static int remove_run(const struct command_line *line)
{
	int code;
	json_t *answer = vpn_ask(line, "POST", "/peers/remove", line->arguments[0], &code);

	if (!answer)
		return code;
	if (line->json)
		return vpn_json_print(answer);
	(void)printf("%s is out: its key opens nothing any more.\n", line->arguments[0]);
	json_decref(answer);
	return EXIT_OK;
}

const struct command vpn_remove_verb = {
	.name = "remove",
	.within = "vpn",
	.arguments = "NAME",
	.summary = "Take out a peer that was added",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = options,
	.options_n = sizeof(options) / sizeof(options[0]),
	.run = remove_run,
};
