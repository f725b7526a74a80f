/* Every request of test/data/http/requests against the parsers alone: what must be refused at its
 * head is, what is broken in its body never ends, what is to be passed on is taken whole; the same
 * on guard pages, and at every prefix. How the files are read: test/net/http_corpus.py. */
#include "base/writer.h"
#include "proto/http/http1.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { BYTES_MAX = 1 << 20, LINES_MAX = 128, PREFIXED_MAX = 400 };

struct block {
	char sent[16384], verdict[64];
	size_t sent_len;
	char *choices[LINES_MAX];
	size_t choices_n;
};

static unsigned refused, broken, whole;

/* The template with the choice for each @. */
static void fill(const char *template, const char *choice, struct writer *w)
{
	for (; *template; template ++)
		if (*template == '@' && choice)
			write_text(w, choice);
		else
			write_u8(w, (uint8_t) * template);
}

static unsigned hex(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* \r \n \t \0 \\ \xHH; at: on the letter, and behind it afterwards. */
static uint8_t escape(const uint8_t **at)
{
	uint8_t c = *(*at)++;
	switch (c) {
	case 'r': return '\r';
	case 'n': return '\n';
	case 't': return '\t';
	case '0': return 0;
	case 'x': *at += 2; return (uint8_t)(hex((char)(*at)[-2]) << 4 | hex((char)(*at)[-1]));
	default: return c;
	}
}

static void unescape(struct span in, struct writer *w)
{
	const uint8_t *at = in.data, *end = in.data + in.len;
	while (at < end) {
		if (*at != '\\') {
			write_u8(w, *at++);
			continue;
		}
		at++;
		if (*at != '{') {
			write_u8(w, escape(&at));
			continue;
		}
		size_t times = strtoul((const char *)at + 1, NULL, 10);
		struct span rest = span_of(at, (size_t)(end - at));
		size_t from = span_find(rest, ':') + 1, to = span_find(rest, '}');
		for (size_t i = 0; i < times; i++)
			unescape(span_sub(rest, from, to - from), w);
		at += to + 1;
	}
}

/* PARSE_DONE: the request with its body is here, *ret_used bytes. *ret_head: what its head gave. */
static enum parse request_take(struct span in, enum parse *ret_head, size_t *ret_used)
{
	static struct http_request req;
	struct http_chunked c = {0};
	*ret_head = http_request_read(in, &req);
	*ret_used = req.head.len;
	if (*ret_head != PARSE_DONE)
		return *ret_head;
	if (req.head.framing == HTTP_BODY_LENGTH) {
		*ret_used += req.head.content_length;
		return *ret_used <= in.len ? PARSE_DONE : PARSE_MORE;
	}
	for (enum parse p = PARSE_MORE; req.head.framing == HTTP_BODY_CHUNKED;) {
		size_t used;
		struct span data;
		p = http_chunked_read(&c, span_sub(in, *ret_used, in.len), &used, &data);
		*ret_used += used;
		if (p != PARSE_MORE || used == 0)
			return p;
	}
	return PARSE_DONE;
}

static void check(const struct block *b, struct span bytes)
{
	uint8_t *copy = guard_copy(bytes.data, bytes.len);
	enum parse head;
	size_t used;
	enum parse p = request_take(span_of(copy, bytes.len), &head, &used);
	guard_free(copy, bytes.len);
	bool policy = strstr(b->verdict, " 403") || strstr(b->verdict, " 404");
	if (strncmp(b->verdict, "refused", 7) == 0 && !policy) {
		refused++;
		if (head == PARSE_DONE)
			fail_msg("taken: %.200s", bytes.data);
	} else if (strncmp(b->verdict, "broken", 6) == 0) {
		broken++;
		if (head != PARSE_DONE || p == PARSE_DONE)
			fail_msg("not broken: %.200s", bytes.data);
	} else if (strncmp(b->verdict, "forwarded", 9) == 0) {
		whole++;
		if (p != PARSE_DONE || used != bytes.len)
			fail_msg("not taken whole: %.200s", bytes.data);
	}
}

/* Nothing is whole before its last byte, and nothing that is refused is whole at any byte. */
static void check_prefixes(const struct block *b, struct span bytes)
{
	if (bytes.len > PREFIXED_MAX || strncmp(b->verdict, "either", 6) == 0 ||
	    strncmp(b->verdict, "any", 3) == 0 || strstr(b->verdict, " 40"))
		return;
	for (size_t n = 0; n < bytes.len; n++) {
		uint8_t *copy = guard_copy(bytes.data, n);
		enum parse head;
		size_t used;
		enum parse p = request_take(span_of(copy, n), &head, &used);
		guard_free(copy, n);
		if (p == PARSE_DONE)
			fail_msg("whole at %zu: %.200s", n, bytes.data);
	}
}

static void block_end(struct block *b)
{
	static uint8_t filled[BYTES_MAX], bytes[BYTES_MAX];
	for (size_t i = 0; i < (b->choices_n ? b->choices_n : 1) && b->sent[0]; i++) {
		struct writer t = writer_of(filled, sizeof(filled));
		struct writer w = writer_of(bytes, sizeof(bytes));
		fill(b->sent, b->choices_n ? b->choices[i] : NULL, &t);
		unescape(writer_span(&t), &w);
		assert_int_equal(writer_check(&t), OK);
		assert_int_equal(writer_check(&w), OK);
		check(b, writer_span(&w));
		check_prefixes(b, writer_span(&w));
	}
	for (size_t i = 0; i < b->choices_n; i++)
		free(b->choices[i]);
	*b = (struct block){0};
}

static void line_take(struct block *b, char *line)
{
	line[strcspn(line, "\n")] = '\0';
	const char *text = strlen(line) > 2 ? line + 2 : "";
	switch (line[0]) {
	case '*': block_end(b); break;
	case '>':
		assert_in_range(strlen(text), 0, sizeof(b->sent) - 1 - b->sent_len);
		memcpy(b->sent + b->sent_len, text, strlen(text) + 1);
		b->sent_len += strlen(text);
		break;
	case '?': (void)snprintf(b->verdict, sizeof(b->verdict), "%s", text); break;
	case '@':
		assert_in_range(b->choices_n, 0, LINES_MAX - 1);
		b->choices[b->choices_n++] = strdup(text);
		break;
	default: break;
	}
}

static void each_request_of(const char *file)
{
	static char path[512], line[8192];
	static struct block b;
	(void)snprintf(path, sizeof(path), "%s/requests/%s", HTTP_DATA, file);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		line_take(&b, line);
	(void)fclose(f);
	block_end(&b);
}

static void takes_and_refuses_what_the_files_say(void **state)
{
	(void)state;
	static const char *const files[] = {"chunks.txt", "codings.txt", "hops.txt",
					    "hosts.txt",  "lengths.txt", "lines.txt"};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		each_request_of(files[i]);
	assert_in_range(refused, 250, 1000);
	assert_in_range(broken, 75, 1000);
	assert_in_range(whole, 25, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_and_refuses_what_the_files_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
