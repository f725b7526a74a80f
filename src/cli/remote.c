#include "cli/remote.h"

#include "base/writer.h"
#include "cli/command.h"
#include "cli/load.h"
#include "config/config.h"
#include "config/global.h"
#include "crypto/secret.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "os/unix.h"
#include "proto/http/http1.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	PIECE = 65536,
	ANSWER_MAX = 64 << 20, /* bytes of one answer or of one line of a stream */
};

enum err remote_folder(const struct command_line *line, char *buf, size_t size)
{
	const char *file = command_line_value(line, "config");
	struct config *config = NULL;
	int n;
	buf[0] = '\0';
	if (file) {
		if (load_config(file, &config))
			return ERR_CONFIG; /* it has said what is wrong */
		n = snprintf(buf, size, "%s", config_global(config)->run);
		config_free(config);
	} else {
		n = snprintf(buf, size, "/run/gatehouse");
	}
	return n < 0 || (size_t)n >= size ? ERR_LIMIT : OK;
}

enum err remote_path(const struct command_line *line, const char *service, char *buf, size_t size)
{
	const char *control = command_line_value(line, "control");
	struct writer w = writer_of(buf, size - 1);
	if (control) {
		write_text(&w, control);
	} else {
		char folder[4096];
		buf[0] = '\0';
		TRY(remote_folder(line, folder, sizeof(folder)));
		write_format(&w, "%s/%s.sock", folder, service);
	}
	buf[w.pos] = '\0';
	return writer_check(&w);
}

/* An answer on its way in: its head, then its body piece by piece to `take`. */
struct answer {
	int fd;
	char *in;
	size_t in_len, in_size;
	struct http_chunked chunked;
	enum http_framing framing;
	uint64_t left;
	int status;
	/* false: enough */
	bool (*take)(void *arg, struct span data);
	void *arg;
	struct span body; /* of the request; borrowed */
};

static enum err all_send(int fd, struct span rest)
{
	while (rest.len) {
		size_t n;
		TRY(tcp_write(fd, rest, &n));
		rest = span_sub(rest, n, rest.len);
	}
	return OK;
}

static enum err request_send(int fd, const char *method, const char *target, struct span body)
{
	char head[4096];
	struct writer w = writer_of(head, sizeof(head));
	write_format(&w, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", method,
		     target);
	if (strcmp(method, "POST") == 0)
		write_format(&w, "Content-Length: %zu\r\n", body.len);
	if (body.len)
		write_text(&w, "Content-Type: application/json\r\n");
	write_text(&w, "\r\n");
	TRY(writer_check(&w));
	TRY(all_send(fd, writer_span(&w)));
	return all_send(fd, body);
}

static enum err more(struct answer *a)
{
	if (a->in_len + PIECE > a->in_size) {
		char *in = a->in_size > ANSWER_MAX ? NULL : realloc(a->in, a->in_size + 2 * PIECE);
		if (!in)
			return ERR_LIMIT;
		a->in = in;
		a->in_size += 2 * PIECE;
	}
	struct pollfd wait = {.fd = a->fd, .events = POLLIN};
	size_t n = 0;
	if (poll(&wait, 1, -1) < 0 && errno != EINTR)
		return err_errno();
	TRY(tcp_read(a->fd, a->in + a->in_len, PIECE, &n));
	a->in_len += n;
	return OK;
}

static void drop(struct answer *a, size_t n)
{
	memmove(a->in, a->in + n, a->in_len - n);
	a->in_len -= n;
}

static enum err head_read(struct answer *a, const char *method)
{
	struct http_response res;
	for (;;) {
		enum parse p =
			http_response_read(span_of(a->in, a->in_len), span_text(method), &res);
		if (p == PARSE_BAD)
			return ERR_FORMAT;
		if (p == PARSE_DONE && res.status / 100 != 1)
			break;
		if (p == PARSE_DONE)
			drop(a, res.head.len);
		else
			TRY(more(a));
	}
	a->status = res.status;
	a->framing = res.head.framing;
	a->left = res.head.content_length;
	drop(a, res.head.len);
	return OK;
}

/* What of the body stands in `in`; *ret_end: that was all, or enough. */
static enum err body_pass(struct answer *a, bool *ret_end)
{
	if (a->framing == HTTP_BODY_CHUNKED) {
		size_t used;
		struct span data;
		enum parse p =
			http_chunked_read(&a->chunked, span_of(a->in, a->in_len), &used, &data);
		bool on = p != PARSE_BAD && (data.len == 0 || a->take(a->arg, data));
		drop(a, used);
		*ret_end = p == PARSE_DONE || !on;
		if (p == PARSE_BAD)
			return ERR_FORMAT;
		return *ret_end || used ? OK : more(a);
	}
	size_t n =
		a->framing == HTTP_BODY_LENGTH && a->left < a->in_len ? (size_t)a->left : a->in_len;
	bool on = n == 0 || a->take(a->arg, span_of(a->in, n));
	drop(a, n);
	a->left -= a->framing == HTTP_BODY_LENGTH ? n : 0;
	*ret_end = !on || a->framing == HTTP_BODY_NONE ||
		   (a->framing == HTTP_BODY_LENGTH && a->left == 0);
	if (*ret_end)
		return OK;
	enum err e = more(a);
	*ret_end = e == ERR_CLOSED && a->framing == HTTP_BODY_UNTIL_CLOSE;
	return *ret_end ? OK : e;
}

static enum err converse(struct answer *a, const char *path, const char *method, const char *target)
{
	TRY(unix_connect(path, &a->fd));
	TRY(request_send(a->fd, method, target, a->body));
	TRY(head_read(a, method));
	for (bool end = false; !end;)
		TRY(body_pass(a, &end));
	return OK;
}

static void answer_done(struct answer *a)
{
	fd_done(&a->fd);
	free(a->in);
}

/* --- the whole body as one text --- */

struct text {
	char *data;
	size_t len;
	bool failed;
};

static bool text_take(void *arg, struct span data)
{
	struct text *t = arg;
	char *grown =
		t->len + data.len > ANSWER_MAX ? NULL : realloc(t->data, t->len + data.len + 1);
	if (!grown) {
		t->failed = true;
		return false;
	}
	memcpy(grown + t->len, data.data, data.len);
	t->data = grown;
	t->len += data.len;
	grown[t->len] = '\0';
	return true;
}

static enum err call(const char *path, const char *method, const char *target, struct span body,
		     int *ret_status, json_t **ret)
{
	struct text t = {0};
	struct answer a = {.fd = -1, .take = text_take, .arg = &t, .body = body};
	json_error_t error;
	enum err e = converse(&a, path, method, target);
	if (!e && t.failed)
		e = ERR_LIMIT;
	if (!e) {
		*ret = t.data ? json_loads(t.data, JSON_DECODE_ANY, &error) : NULL;
		*ret_status = a.status;
		if (t.data && !*ret)
			e = ERR_FORMAT;
	}
	answer_done(&a);
	free(t.data);
	return e;
}

enum err remote_call(const char *path, const char *method, const char *target, int *ret_status,
		     json_t **ret)
{
	return call(path, method, target, (struct span){0}, ret_status, ret);
}

/* --- a stream of lines --- */

struct lines {
	struct text text; /* the line that is not whole yet; of an error all of it */
	const struct answer *answer;
	bool (*line)(void *arg, json_t *object);
	void *arg;
	bool bad;
};

static bool lines_take(void *arg, struct span data)
{
	struct lines *l = arg;
	if (!text_take(&l->text, data))
		return false;
	for (char *end;
	     l->answer->status == 200 && (end = memchr(l->text.data, '\n', l->text.len));) {
		json_error_t error;
		size_t n = (size_t)(end - l->text.data);
		json_t *object = json_loadb(l->text.data, n, 0, &error);
		bool on = object && l->line(l->arg, object);
		l->bad = !object;
		json_decref(object);
		memmove(l->text.data, end + 1, l->text.len - n); /* its NUL too */
		l->text.len -= n + 1;
		if (!on)
			return false;
	}
	return true;
}

enum err remote_stream(const char *path, const char *method, const char *target,
		       bool (*line)(void *arg, json_t *object), void *arg, int *ret_status,
		       json_t **ret_error)
{
	struct answer a = {.fd = -1, .take = lines_take};
	struct lines l = {.answer = &a, .line = line, .arg = arg};
	json_error_t error;
	a.arg = &l;
	enum err e = converse(&a, path, method, target);
	if (!e && (l.text.failed || l.bad))
		e = l.bad ? ERR_FORMAT : ERR_LIMIT;
	*ret_status = a.status;
	*ret_error =
		!e && a.status != 200 && l.text.data ? json_loads(l.text.data, 0, &error) : NULL;
	answer_done(&a);
	free(l.text.data);
	return e;
}

/* --- what went wrong --- */

int remote_fail(const char *path, enum err e)
{
	if (e == (enum err)ENOENT || e == (enum err)ECONNREFUSED)
		return command_fail("Start it with 'gatehouse run -c FILE', or name its socket "
				    "with --control PATH.",
				    "nobody listens at %s", path);
	if (e == (enum err)EACCES || e == (enum err)EPERM)
		return command_fail("Run this as root, or as a user that the socket lets in.",
				    "%s may not be opened by this user", path);
	if (e == ERR_CONFIG)
		return EXIT_USAGE; /* what is wrong with it was printed */
	return command_fail(NULL, "%s: %s", path, err_text(e));
}

int remote_refused(int status, const json_t *error)
{
	const char *text = json_string_value(json_object_get(error, "error"));
	if (status == 400 && text)
		return command_misused(NULL, "%s", text);
	return command_fail(NULL, "the service answers %d: %s", status,
			    text ? text : http_reason((unsigned)status));
}

static json_t *exchange(const struct command_line *line, const char *service, const char *method,
			const char *target, struct span body, int *ret_code)
{
	char path[512];
	json_t *answer = NULL;
	int status = 0;
	enum err e = remote_path(line, service, path, sizeof(path));
	if (!e)
		e = call(path, method, target, body, &status, &answer);
	if (!e && status == 200) {
		*ret_code = EXIT_OK;
		return answer;
	}
	*ret_code = e ? remote_fail(path, e) : remote_refused(status, answer);
	json_decref(answer);
	return NULL;
}

json_t *remote_ask(const struct command_line *line, const char *service, const char *method,
		   const char *target, int *ret_code)
{
	return exchange(line, service, method, target, (struct span){0}, ret_code);
}

json_t *remote_ask_or_print(const struct command_line *line, const char *service,
			    const char *method, const char *target, int *ret_code)
{
	json_t *answer = remote_ask(line, service, method, target, ret_code);
	if (!answer || !line->json)
		return answer;
	(void)json_dumpf(answer, stdout, JSON_INDENT(2));
	(void)fputc('\n', stdout);
	json_decref(answer);
	return NULL;
}

json_t *remote_post(const struct command_line *line, const char *service, const char *target,
		    const json_t *body, int *ret_code)
{
	char *text = json_dumps(body, JSON_COMPACT);
	if (!text) {
		*ret_code = command_fail(NULL, "out of memory");
		return NULL;
	}
	json_t *answer = exchange(line, service, "POST", target, span_text(text), ret_code);
	crypto_wipe(text, strlen(text));
	free(text);
	return answer;
}

void remote_members_print(const json_t *object, int width)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		char *text = json_is_string(value)
				     ? NULL
				     : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		(void)printf("%-*s %s\n", width, key, text ? text : json_string_value(value));
		free(text);
	}
}
