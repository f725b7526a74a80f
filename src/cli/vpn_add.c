/* gatehouse vpn add|config|qr: a client's file. Its private key is made here, and goes nowhere but
 * to standard output: the service never has it. */
#include "cli/commands.h"

#include "base/writer.h"
#include "cli/qr_print.h"
#include "cli/remote.h"
#include "cli/vpn.h"
#include "cli/vpn_client.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/x25519.h"
#include "os/file.h"
#include "proto/qr/qr.h"
#include "proto/wireguard/key.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_FILE_MAX = 4096 };

struct keys {
	bool has_private;
	uint8_t private_key[WG_KEY_LEN], public_key[WG_KEY_LEN];
};

static void keys_done(struct keys *k)
{
	crypto_wipe(k, sizeof(*k));
}

/* --- the file --------------------------------------------------------------------------------- */

static int qr_show(const struct command_line *line, struct span file)
{
	struct qr *q = malloc(sizeof(*q));
	enum err e = q ? qr_encode(file, q) : (enum err)ENOMEM;

	if (!e)
		qr_print(stdout, q, line->colour);
	if (q)
		qr_done(q);
	free(q);
	if (e == ERR_LIMIT)
		return command_fail("The client can import the file itself.",
				    "it is too long for a QR code");
	return e ? command_fail(NULL, "%s", err_text(e)) : EXIT_OK;
}

enum show { SHOW_FILE = 1 << 0, SHOW_QR = 1 << 1 };

static int file_print(const struct command_line *line, const json_t *client, const struct keys *k,
		      unsigned show)
{
	char *room = malloc(VPN_CLIENT_FILE_MAX), key[WG_KEY_BASE64_LEN + 1] = "";
	int code = EXIT_OK;

	if (!room)
		return command_fail(NULL, "%s", err_text(ENOMEM));
	if (k->has_private)
		wg_key_write_base64(k->private_key, key);
	struct writer w = writer_of(room, VPN_CLIENT_FILE_MAX);
	enum err e = vpn_client_write(client, span_text(key), &w);
	if (e)
		code = command_fail("Is it of another version?",
				    "the service's answer cannot be read: %s", err_text(e));
	if (!e && (show & SHOW_FILE))
		(void)fwrite(room, 1, w.pos, stdout);
	if (!e && (show & SHOW_QR))
		code = qr_show(line, writer_span(&w));
	if (fflush(stdout) || ferror(stdout))
		code = command_fail(NULL, "the output could not be written");
	crypto_wipe(key, sizeof(key));
	crypto_wipe(room, VPN_CLIENT_FILE_MAX);
	free(room);
	return code;
}

/* One object: what the service told, and the file. */
static int file_print_json(json_t *client, const struct keys *k)
{
	char *room = malloc(VPN_CLIENT_FILE_MAX), key[WG_KEY_BASE64_LEN + 1] = "";

	if (!room)
		return command_fail(NULL, "%s", err_text(ENOMEM));
	if (k->has_private)
		wg_key_write_base64(k->private_key, key);
	struct writer w = writer_of(room, VPN_CLIENT_FILE_MAX);
	enum err e = vpn_client_write(client, span_text(key), &w);
	if (!e) {
		json_object_set_new(client, "file", json_stringn(room, w.pos));
		(void)json_dumpf(client, stdout, JSON_INDENT(2));
		(void)fputc('\n', stdout);
	}
	crypto_wipe(key, sizeof(key));
	crypto_wipe(room, VPN_CLIENT_FILE_MAX);
	free(room);
	return e ? command_fail(NULL, "the service's answer cannot be read: %s", err_text(e))
		 : EXIT_OK;
}

/* --- add -------------------------------------------------------------------------------------- */

static enum err keys_make(struct keys *k)
{
	TRY(crypto_random(k->private_key, sizeof(k->private_key)));
	crypto_x25519_clamp(k->private_key);
	crypto_x25519_public(k->private_key, k->public_key);
	k->has_private = true;
	return OK;
}

/* a,b,c */
static json_t *list_of(const char *text)
{
	json_t *list = json_array();
	struct span rest = span_text(text ? text : "");

	while (rest.len) {
		size_t len = span_find(rest, ',');
		struct span item = span_trim(span_sub(rest, 0, len));
		if (item.len)
			json_array_append_new(list,
					      json_stringn((const char *)item.data, item.len));
		rest = span_sub(rest, len + 1, rest.len);
	}
	return list;
}

static void set_text(json_t *body, const char *key, const char *value)
{
	if (value)
		json_object_set_new(body, key, json_string(value));
}

static json_t *body_of(const struct command_line *line, const struct keys *k)
{
	const char *keepalive = command_line_value(line, "keepalive");
	const char *split = command_line_value(line, "split");
	const char *full = command_line_value(line, "full") ? "0.0.0.0/0,::/0" : NULL;
	char key[WG_KEY_BASE64_LEN + 1];
	uint64_t seconds = 0;

	wg_key_write_base64(k->public_key, key);
	json_t *body = json_pack("{s:s,s:s,s:b,s:o,s:o}", "name", line->arguments[0], "public_key",
				 key, "sign_in", command_line_value(line, "sign-in") != NULL,
				 "users", list_of(command_line_value(line, "users")), "roles",
				 list_of(command_line_value(line, "roles")));
	set_text(body, "interface", command_line_value(line, "interface"));
	set_text(body, "expires", command_line_value(line, "expires"));
	set_text(body, "up", command_line_value(line, "up"));
	set_text(body, "down", command_line_value(line, "down"));
	if (command_line_value(line, "reach"))
		json_object_set_new(body, "reach", list_of(command_line_value(line, "reach")));
	if (split || full)
		json_object_set_new(body, "routes", list_of(split ? split : full));
	if (keepalive && span_to_u64(span_text(keepalive), UINT16_MAX, &seconds))
		json_object_set_new(body, "keepalive_s", json_integer((json_int_t)seconds));
	return body;
}

static int options_check(const struct command_line *line)
{
	const char *keepalive = command_line_value(line, "keepalive");
	uint64_t seconds;

	if (command_line_value(line, "full") && command_line_value(line, "split"))
		return command_misused(NULL, "--full and --split exclude each other");
	if (keepalive && !span_to_u64(span_text(keepalive), UINT16_MAX, &seconds))
		return command_misused("0 is none.", "--keepalive takes seconds, at most 65535");
	return EXIT_OK;
}

static void told(const json_t *client, const struct keys *k)
{
	const json_t *item;
	size_t i;

	(void)fprintf(stderr, "%s has", json_string_value(json_object_get(client, "name")));
	json_array_foreach(json_object_get(client, "addresses"), i, item)(void)
		fprintf(stderr, "%s %s", i ? "," : "", json_string_value(item));
	(void)fprintf(stderr, ".%s\n",
		      k->has_private
			      ? " The private key is kept nowhere: this file is the only one."
			      : "");
}

static int add_run(const struct command_line *line)
{
	AUTO_DONE(keys_done) struct keys k = {.has_private = false};
	const char *key = command_line_value(line, "public-key");
	int code = options_check(line);
	enum err e = OK;

	if (code)
		return code;
	if (key && wg_key_read_base64(span_text(key), k.public_key))
		return command_misused("'wg pubkey' prints one.", "--public-key is no key");
	if (!key)
		e = keys_make(&k);
	if (e)
		return command_fail(NULL, "no key could be made: %s", err_text(e));
	json_t *body = body_of(line, &k);
	json_t *client = remote_post(line, "vpn", "/peers/add", body, &code);
	json_decref(body);
	if (!client)
		return code;
	bool code_too = k.has_private && (command_line_value(line, "qr") || isatty(STDOUT_FILENO));
	if (line->json) {
		code = file_print_json(client, &k);
	} else {
		code = file_print(line, client, &k, SHOW_FILE | (code_too ? SHOW_QR : 0U));
		told(client, &k);
	}
	json_decref(client);
	return code;
}

static const struct command_option add_options[] = {
	{"interface", 'i', "NAME", "of which tunnel; needed when there are several"},
	{"sign-in", 's', NULL, "a person has to sign in before anything passes"},
	{"users", 'u', "NAMES", "who may; with commas"},
	{"roles", 'r', "NAMES", "users of these roles may as well"},
	{"expires", 'e', "DATE", "nothing passes from then on: 2027-12-31, or with T18:00 in UTC"},
	{"keepalive", 'k', "SECONDS", "how often a silent client says something; 0: never"},
	{"full", 0, NULL, "the client sends everything into the tunnel"},
	{"split", 0, "NETWORKS", "only these, with commas"},
	{"reach", 0, "NETWORKS", "what it may reach, with commas; everything unless given"},
	{"up", 0, "RATE", "the most that it sends, as 20Mbit"},
	{"down", 0, "RATE", "the most that it gets"},
	{"public-key", 'p', "KEY", "the client has made its own key"},
	{"qr", 0, NULL, "print the QR code also when this is no terminal"},
	REMOTE_OPTIONS,
};

const struct command vpn_add_verb = {
	.name = "add",
	.within = "vpn",
	.arguments = "NAME",
	.summary = "Add a peer, and print its client's file and QR code",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = add_options,
	.options_n = sizeof(add_options) / sizeof(add_options[0]),
	.run = add_run,
};

/* --- config, qr ------------------------------------------------------------------------------- */

/* A file as `wg genkey` writes it, or the client's own, of which the line PrivateKey is meant. */
static enum err key_find(struct span text, uint8_t ret[WG_KEY_LEN])
{
	for (size_t len; text.len; text = span_sub(text, len + 1, text.len)) {
		len = span_find(text, '\n');
		struct span line = span_trim(span_sub(text, 0, len));
		if (line.len && line.data[line.len - 1] == '\r')
			line = span_trim(span_sub(line, 0, line.len - 1));
		size_t equals = span_find(line, '=');
		struct span name = span_trim(span_sub(line, 0, equals));
		if (span_equal_nocase(name, span_text("PrivateKey")))
			line = span_trim(span_sub(line, equals + 1, line.len));
		if (wg_key_read_base64(line, ret) == OK)
			return OK;
	}
	return ERR_FORMAT;
}

static int keys_read(const char *path, const json_t *client, struct keys *ret)
{
	const char *known = json_string_value(json_object_get(client, "client_public_key"));
	uint8_t expected[WG_KEY_LEN] = {0};
	char *text = NULL;
	size_t len = 0;
	enum err e = file_read(path, KEY_FILE_MAX, &text, &len);

	if (!e)
		e = key_find(span_of(text, len), ret->private_key);
	if (text)
		crypto_wipe(text, len);
	free(text);
	if (e)
		return command_fail(NULL, "%s: %s", path,
				    e == ERR_FORMAT ? "there is no private key in it"
						    : err_text(e));
	crypto_x25519_public(ret->private_key, ret->public_key);
	if (!known || wg_key_read_base64(span_text(known), expected) ||
	    memcmp(expected, ret->public_key, sizeof(expected)) != 0)
		return command_fail(NULL, "%s: it is the key of another peer", path);
	ret->has_private = true;
	return EXIT_OK;
}

static int again_run(const struct command_line *line, unsigned show)
{
	AUTO_DONE(keys_done) struct keys k = {.has_private = false};
	const char *path = command_line_value(line, "private-key-file");
	int code;

	if (!path && (show & SHOW_QR))
		return command_misused(
			"Name the file that 'gatehouse vpn add' printed, or a key's.",
			"a code without the private key serves nobody, and the key "
			"is not kept: --private-key-file is needed");
	json_t *client = vpn_ask(line, "GET", "/peers/client", line->arguments[0], &code);
	if (!client)
		return code;
	code = path ? keys_read(path, client, &k) : EXIT_OK;
	if (code == EXIT_OK)
		code = line->json ? file_print_json(client, &k)
				  : file_print(line, client, &k, show);
	json_decref(client);
	return code;
}

static int config_run(const struct command_line *line)
{
	return again_run(line, SHOW_FILE);
}

static int qr_run(const struct command_line *line)
{
	return again_run(line, SHOW_QR);
}

static const struct command_option again_options[] = {
	{"private-key-file", 'p', "FILE", "the client's key, which nobody else has kept"},
	REMOTE_OPTIONS,
};

const struct command vpn_config_verb = {
	.name = "config",
	.within = "vpn",
	.arguments = "NAME",
	.summary = "Print the client's file of an added peer once more",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = again_options,
	.options_n = sizeof(again_options) / sizeof(again_options[0]),
	.run = config_run,
};

const struct command vpn_qr_verb = {
	.name = "qr",
	.within = "vpn",
	.arguments = "NAME",
	.summary = "Print its QR code once more; takes the private key's file",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = again_options,
	.options_n = sizeof(again_options) / sizeof(again_options[0]),
	.run = qr_run,
};
