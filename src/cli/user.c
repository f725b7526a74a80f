/* gatehouse user: who may sign in at the tunnels' page, and who has. All of it is asked of the
 * vpn service by its control socket; secrets go there in the body of the request. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/print.h"
#include "cli/qr_print.h"
#include "cli/remote.h"
#include "cli/user.h"
#include "crypto/secret.h"
#include "proto/http/http1.h"
#include "proto/qr/qr.h"

#include <stdlib.h>
#include <string.h>

enum { TARGET_SIZE = 512 };

static const char service[] = "vpn";

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static json_t *ask(const struct command_line *line, const char *method, const char *path,
		   const char *key, const char *value, int *ret_code)
{
	char target[TARGET_SIZE];
	struct writer w = writer_of(target, sizeof(target) - 1);
	write_text(&w, path);
	if (value) {
		write_format(&w, "?%s=", key);
		http_percent_encode(&w, span_text(value));
	}
	target[w.pos] = '\0';
	if (w.bad) {
		*ret_code = command_misused(NULL, "the name is too long");
		return NULL;
	}
	return remote_ask(line, service, method, target, ret_code);
}

static int json_print(json_t *answer)
{
	(void)json_dumpf(answer, stdout, JSON_INDENT(2));
	(void)fputc('\n', stdout);
	json_decref(answer);
	return EXIT_OK;
}

/* --- list, show, sessions --- */

static void list_print(struct print_table *t, const json_t *user)
{
	char text[256];
	struct writer w = writer_of(text, sizeof(text) - 1);
	size_t i;
	const json_t *item;
	json_array_foreach(json_object_get(user, "peers"), i, item)
		write_format(&w, "%s%s", w.pos ? ", " : "", json_string_value(item));
	json_array_foreach(json_object_get(user, "roles"), i, item)
		write_format(&w, "%s@%s", w.pos ? ", " : "", json_string_value(item));
	text[w.pos] = '\0';
	print_cell(t, PRINT_PLAIN, "%s%s", text, w.bad ? "…" : "");
}

static void user_print(struct print_table *t, const json_t *user)
{
	const char *factor = text_of(user, "factor");
	bool disabled = json_is_true(json_object_get(user, "disabled"));
	json_int_t wait_s = json_integer_value(json_object_get(user, "wait_s"));
	print_cell(t, PRINT_BOLD, "%s", text_of(user, "name"));
	print_cell(t, strcmp(factor, "active") == 0 ? PRINT_GREEN : PRINT_YELLOW, "%s", factor);
	print_cell(t, PRINT_PLAIN, "%lld",
		   (long long)json_integer_value(json_object_get(user, "sessions")));
	if (disabled)
		print_cell(t, PRINT_RED, "disabled");
	else if (wait_s)
		print_cell(t, PRINT_YELLOW, "waits %lld s", (long long)wait_s);
	else
		print_cell(t, PRINT_PLAIN, "%s",
			   json_is_true(json_object_get(user, "administrator")) ? "administrator"
										: "");
	list_print(t, user);
}

static int list_run(const struct command_line *line)
{
	static const char *const heads[] = {"NAME", "FACTOR", "SESSIONS", "STATE", "PEERS"};
	struct print_table t;
	int code = EXIT_OK;
	size_t i;
	json_t *user, *answer = ask(line, "GET", "/users", NULL, NULL, &code);
	if (!answer)
		return code;
	if (line->json)
		return json_print(answer);
	print_table_init(&t, stdout, line->colour, 5, heads);
	json_array_foreach(json_object_get(answer, "users"), i, user) user_print(&t, user);
	print_table_end(&t);
	json_decref(answer);
	return EXIT_OK;
}

static int sessions_run(const struct command_line *line)
{
	static const char *const heads[] = {"USER", "PEER", "GATE", "LEFT", "ENDPOINT"};
	struct print_table t;
	char left[64];
	int code = EXIT_OK;
	size_t i;
	json_t *s, *answer = ask(line, "GET", "/sessions", "user", line->arguments[0], &code);
	if (!answer)
		return code;
	if (line->json)
		return json_print(answer);
	print_table_init(&t, stdout, line->colour, 5, heads);
	json_array_foreach(json_object_get(answer, "sessions"), i, s)
	{
		json_int_t left_s = json_integer_value(json_object_get(s, "left_s"));
		const char *peer = text_of(s, "peer"), *gate = text_of(s, "gate");
		print_cell(&t, PRINT_BOLD, "%s", text_of(s, "user"));
		print_cell(&t, PRINT_PLAIN, "%s", peer[0] ? peer : text_of(s, "public_key"));
		print_cell(&t, strcmp(gate, "open") == 0 ? PRINT_GREEN : PRINT_YELLOW, "%s", gate);
		print_cell(&t, PRINT_PLAIN, "%s",
			   print_duration_us((uint64_t)left_s * 1000000, left, sizeof(left)));
		print_cell(&t, PRINT_DIM, "%s", text_of(s, "endpoint"));
	}
	print_table_end(&t);
	json_decref(answer);
	return EXIT_OK;
}

static int show_run(const struct command_line *line)
{
	int code = EXIT_OK;
	json_t *answer = ask(line, "GET", "/user", "name", line->arguments[0], &code);
	if (!answer)
		return code;
	if (line->json)
		return json_print(answer);
	remote_members_print(answer, 15);
	json_decref(answer);
	return EXIT_OK;
}

/* --- add, passwd, set, reset --- */

/* "a,b" as an array; "" is an empty one. */
static json_t *list_read(const char *text)
{
	json_t *array = json_array();
	struct span rest = span_text(text);
	while (rest.len) {
		size_t end = span_find(rest, ',');
		struct span item = span_trim(span_sub(rest, 0, end));
		(void)json_array_append_new(array, json_stringn((const char *)item.data, item.len));
		rest = span_sub(rest, end + 1, rest.len);
	}
	return array;
}

static json_t *body_of(const struct command_line *line)
{
	return json_pack("{s:s}", "name", line->arguments[0]);
}

static void lists_add(const struct command_line *line, json_t *body)
{
	static const char *const lists[] = {"peers", "roles"};
	for (size_t i = 0; i < 2; i++)
		if (command_line_value(line, lists[i]))
			(void)json_object_set_new(body, lists[i],
						  list_read(command_line_value(line, lists[i])));
}

/* The secret once, as a picture and as text. */
static void secret_print(const struct command_line *line, const json_t *answer)
{
	AUTO_DONE(qr_done) struct qr q = {0};
	const char *uri = text_of(answer, "uri");
	if (!uri[0])
		return;
	(void)printf("\nThe authenticator app of this person scans:\n\n");
	if (qr_encode(span_text(uri), &q) == OK)
		qr_print(stdout, &q, line->colour);
	(void)printf("\n  %s\n  or, typed: %s\n\nIt is shown this once, and counts from its first "
		     "code at the sign-in on.\n",
		     uri, text_of(answer, "secret"));
}

/* Sends it, with the password in it when there is one; said: what people read on success. */
static int change(const struct command_line *line, const char *path, json_t *body,
		  const struct user_password *password, const char *said)
{
	int code = EXIT_OK;
	json_t *answer = remote_post(line, service, path, body, &code);
	if (!answer)
		return code;
	if (line->json) {
		if (password && password->made)
			(void)json_object_set_new(answer, "password", json_string(password->text));
		return json_print(answer);
	}
	(void)printf("%s: %s\n", line->arguments[0], said);
	if (password && password->made)
		(void)printf("password: %s\n", password->text);
	secret_print(line, answer);
	json_decref(answer);
	return EXIT_OK;
}

static int add_run(const struct command_line *line)
{
	struct user_password password = {0};
	json_t *body = body_of(line);
	int code = user_password_ask(line, &password);
	(void)json_object_set_new(body, "administrator",
				  json_boolean(command_line_value(line, "administrator") != NULL));
	(void)json_object_set_new(body, "password", json_string(password.text));
	if (code == EXIT_OK)
		code = change(line, "/user/add", body, &password, "added");
	json_decref(body);
	crypto_wipe(&password, sizeof(password));
	return code;
}

static int passwd_run(const struct command_line *line)
{
	struct user_password password = {0};
	json_t *body = body_of(line);
	int code = user_password_ask(line, &password);
	(void)json_object_set_new(body, "password", json_string(password.text));
	if (code == EXIT_OK)
		code = change(line, "/user/passwd", body, &password,
			      "has another password; sessions are over");
	json_decref(body);
	crypto_wipe(&password, sizeof(password));
	return code;
}

/* on, off; false: neither. */
static bool switch_read(const struct command_line *line, const char *option, json_t *body)
{
	const char *text = command_line_value(line, option);
	if (!text)
		return true;
	bool on = strcmp(text, "on") == 0;
	(void)json_object_set_new(body, option, json_boolean(on));
	return on || strcmp(text, "off") == 0;
}

static int set_run(const struct command_line *line)
{
	json_t *body = body_of(line);
	int code = EXIT_OK;
	lists_add(line, body);
	if (!switch_read(line, "administrator", body) || !switch_read(line, "disabled", body))
		code = command_misused(NULL, "--administrator and --disabled take on or off");
	else if (json_object_size(body) == 1)
		code = command_misused(NULL, "nothing is to be changed");
	else
		code = change(line, "/user/set", body, NULL, "changed");
	json_decref(body);
	return code;
}

static int reset_run(const struct command_line *line)
{
	json_t *body = body_of(line);
	int code = change(line, "/user/reset", body, NULL,
			  "has another second factor; sessions are over");
	json_decref(body);
	return code;
}

static int remove_run(const struct command_line *line)
{
	json_t *body = body_of(line);
	int code = change(line, "/user/remove", body, NULL, "removed; sessions are over");
	json_decref(body);
	return code;
}

static int unlock_run(const struct command_line *line)
{
	json_t *body = body_of(line);
	int code = change(line, "/user/unlock", body, NULL, "may try again at once");
	json_decref(body);
	return code;
}

static int end_run(const struct command_line *line)
{
	const char *peer = command_line_value(line, "peer");
	int code = EXIT_OK;
	if ((line->arguments_n > 0) == (peer != NULL))
		return command_misused(NULL, "name a user, or --peer");
	json_t *answer = ask(line, "POST", "/sessions/end", peer ? "peer" : "user",
			     peer ? peer : line->arguments[0], &code);
	if (!answer)
		return code;
	if (line->json)
		return json_print(answer);
	(void)printf("sessions ended: %lld\n",
		     (long long)json_integer_value(json_object_get(answer, "ended")));
	json_decref(answer);
	return EXIT_OK;
}

/* --- the table --- */

static const struct command_option plain_options[] = {REMOTE_OPTIONS};
static const struct command_option end_options[] = {
	REMOTE_OPTIONS,
	{"peer", 'p', "PEER", "the session of this peer"},
};
static const struct command_option password_options[] = {REMOTE_OPTIONS, USER_PASSWORD_OPTIONS};
static const struct command_option add_options[] = {
	REMOTE_OPTIONS,
	USER_PASSWORD_OPTIONS,
	{"peers", 'p', "PEERS", "names of peers that this user may open, or *"},
	{"roles", 'r', "ROLES", "roles, whose peers this user may open"},
	{"administrator", 0, NULL, "may end everybody's sessions at the page"},
};
static const struct command_option set_options[] = {
	REMOTE_OPTIONS,
	{"peers", 'p', "PEERS", "names of peers that this user may open, or *, or \"\""},
	{"roles", 'r', "ROLES", "roles, whose peers this user may open, or \"\""},
	{"administrator", 0, "on|off", "may end everybody's sessions at the page"},
	{"disabled", 0, "on|off", "may not sign in; ends the user's sessions"},
};

#define USER_VERB(word, takes, least, most, text, choices)                                         \
	static const struct command user_##word##_verb = {                                         \
		.name = #word,                                                                     \
		.within = "user",                                                                  \
		.arguments = takes,                                                                \
		.summary = text,                                                                   \
		.arguments_min = least,                                                            \
		.arguments_max = most,                                                             \
		.options = choices,                                                                \
		.options_n = sizeof(choices) / sizeof((choices)[0]),                               \
		.run = word##_run,                                                                 \
	}

USER_VERB(add, "NAME", 1, 1, "Add a user; shows the secret for an authenticator app", add_options);
USER_VERB(list, "", 0, 0, "Show who may sign in", plain_options);
USER_VERB(show, "NAME", 1, 1, "Show all that is known of a user", plain_options);
USER_VERB(set, "NAME", 1, 1, "Change a user's peers, roles and rights", set_options);
USER_VERB(passwd, "NAME", 1, 1, "Give a user another password", password_options);
USER_VERB(reset, "NAME", 1, 1, "Give a user another second factor", plain_options);
USER_VERB(remove, "NAME", 1, 1, "Remove a user", plain_options);
USER_VERB(unlock, "NAME", 1, 1, "Let a user who failed too often try again", plain_options);
USER_VERB(sessions, "[NAME]", 0, 1, "Show who is signed in", plain_options);
USER_VERB(end, "[NAME]", 0, 1, "End a user's sessions, or a peer's, at once", end_options);

static const struct command *const verbs[] = {&user_add_verb,
					      &user_list_verb,
					      &user_show_verb,
					      &user_set_verb,
					      &user_passwd_verb,
					      &user_reset_verb,
					      &user_remove_verb,
					      &user_unlock_verb,
					      &user_sessions_verb,
					      &user_end_verb,
					      NULL};

const struct command command_user = {
	.name = "user",
	.arguments = "",
	.summary = "People who sign in to open their peers of the tunnels",
	.verbs = verbs,
};
