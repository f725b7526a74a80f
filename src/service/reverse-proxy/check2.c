#include "service/reverse-proxy/check2.h"

#include "proto/ip/address.h"
#include "service/reverse-proxy/check.h"
#include "service/reverse-proxy/check_grpc.h"
#include "service/reverse-proxy/grpc.h"

#include <stdlib.h>

enum {
	HEAP_BYTES = 256 << 20, /* for each size of pieces, taken when needed */
	TIMEOUT_TEXT_MAX = 16,
};

/* The window is larger than what is looked at: nobody has to wait for us. */
static const struct http2_limits limits = {
	.streams_max = 1,
	.window_stream = REVERSE_CHECK2_IN_MAX,
	.window = REVERSE_CHECK2_IN_MAX,
	.head_max = REVERSE_CHECK_ANSWER_MAX,
	.memory_max = 512 << 10,
};

struct reverse_check2 {
	struct http2_session *s;
	const struct reverse_check_conf *conf; /* borrowed */
	struct reverse_check_answer answer;
	uint32_t id;
	size_t in_n; /* bytes received */
	size_t question_len;
	uint8_t question[REVERSE_CHECK_GRPC_QUESTION_MAX];
	uint8_t body[REVERSE_CHECK_ANSWER_MAX]; /* what answer.body is of */
};

/* --- the answer ------------------------------------------------------------------------------- */

/* One that says no stays, whatever comes behind it. */
static void note_grpc_status(struct reverse_check_answer *a, struct span value)
{
	uint64_t code;
	if (a->grpc_status && a->grpc_status != REVERSE_CHECK_GRPC_FINE)
		return;
	if (!span_to_u64(value, REVERSE_CHECK_GRPC_NONE, &code))
		code = REVERSE_CHECK_GRPC_NONE;
	a->grpc_status = code ? (uint32_t)code : REVERSE_CHECK_GRPC_FINE;
}

static void take_fields(struct reverse_check_answer *a, const struct http2_head *h)
{
	a->broken |= h->too_large;
	for (size_t i = 0; i < h->fields_n; i++) {
		const struct http2_field *f = &h->fields[i];
		if (span_is(f->name, "grpc-status"))
			note_grpc_status(a, f->value);
		else if (span_is(f->name, "content-type") && h->status)
			a->is_grpc = grpc_is_type(f->value);
	}
}

static void end(struct reverse_check_answer *a)
{
	a->ended = !a->broken;
}

static void on_response(void *of, void *stream, const struct http2_head *h)
{
	struct reverse_check2 *k = of;
	(void)stream;
	if (h->status < 200)
		return;
	k->answer.status = h->status;
	take_fields(&k->answer, h);
	if (h->end)
		end(&k->answer);
}

static void on_data(void *of, void *stream, struct span data)
{
	struct reverse_check2 *k = of;
	(void)stream;
	struct span *body = &k->answer.body;
	size_t room = sizeof(k->body) - body->len;
	size_t n = data.len < room ? data.len : room;
	if (n)
		memcpy(k->body + body->len, data.data, n);
	*body = span_of(k->body, body->len + n);
	k->answer.cut |= n < data.len;
	http2_session_consumed(k->s, k->id, data.len);
}

static void on_end(void *of, void *stream, const struct http2_head *trailers)
{
	struct reverse_check2 *k = of;
	(void)stream;
	if (trailers)
		take_fields(&k->answer, trailers);
	end(&k->answer);
}

static void on_closed(void *of, void *stream, uint32_t code)
{
	struct reverse_check2 *k = of;
	(void)stream;
	(void)code;
	k->answer.broken |= !k->answer.ended;
}

/* --- the question ----------------------------------------------------------------------------- */

static struct http2_body on_body(void *of, void *stream, size_t max)
{
	const struct reverse_check2 *k = of;
	(void)stream;
	/* In one piece or not yet: of HTTP2_WRITE_MIN there is always more than this left. */
	return (struct http2_body){.len = k->question_len <= max ? k->question_len : 0,
				   .end = k->question_len <= max};
}

static void on_body_copy(void *of, void *stream, uint8_t *to, size_t len)
{
	const struct reverse_check2 *k = of;
	(void)stream;
	memcpy(to, k->question, len);
}

/* What is said besides decides nothing. */
static void on_goaway(void *of, uint32_t last_id, uint32_t code)
{
	(void)of;
	(void)last_id;
	(void)code;
}

static void on_pong(void *of, const uint8_t opaque[8])
{
	(void)of;
	(void)opaque;
}

static void on_settings(void *of)
{
	(void)of;
}

static const struct http2_events events = {
	.response = on_response,
	.data = on_data,
	.end = on_end,
	.closed = on_closed,
	.body = on_body,
	.body_copy = on_body_copy,
	.goaway = on_goaway,
	.pong = on_pong,
	.settings = on_settings,
};

#define FIELD(name_, value_)                                                                       \
	(struct http2_field)                                                                       \
	{                                                                                          \
		.name = span_text(name_), .value = span_text(value_)                               \
	}

static enum err ask_http(struct reverse_check2 *k, struct http2_head *head)
{
	const struct http2_field fields[] = {FIELD("user-agent", "gatehouse-check"),
					     FIELD("accept", "*/*")};
	head->method = span_text(k->conf->method);
	head->path = span_text(k->conf->http);
	head->fields = fields;
	head->fields_n = sizeof(fields) / sizeof(fields[0]);
	head->end = true;
	return http2_session_request(k->s, head, k, &k->id);
}

/* grpc/grpc doc/PROTOCOL-HTTP2.md; the server may give up when we do. */
static enum err ask_grpc(struct reverse_check2 *k, struct http2_head *head)
{
	char timeout[TIMEOUT_TEXT_MAX] = {0};
	struct writer w = writer_of(timeout, sizeof(timeout) - 1);
	write_format(&w, "%llum", (unsigned long long)k->conf->timeout_ms);
	const struct http2_field fields[] = {
		FIELD("te", "trailers"), FIELD("grpc-timeout", timeout),
		FIELD("content-type", GRPC_TYPE), FIELD("user-agent", "gatehouse-check")};
	head->method = span_text("POST");
	head->path = span_text(REVERSE_CHECK_GRPC_PATH);
	head->fields = fields;
	head->fields_n = sizeof(fields) / sizeof(fields[0]);
	w = writer_of(k->question, sizeof(k->question));
	reverse_check_grpc_ask(k->conf->grpc, &w);
	TRY(writer_check(&w));
	k->question_len = w.pos;
	return http2_session_request(k->s, head, k, &k->id);
}

/* --- its life --------------------------------------------------------------------------------- */

enum err reverse_check2_share_init(struct reverse_check2_share *s)
{
	http2_heap_init(&s->heap, HEAP_BYTES);
	return http2_role_init(&s->role, HTTP2_CLIENT, &limits, &events);
}

void reverse_check2_share_done(struct reverse_check2_share *s)
{
	http2_role_done(&s->role);
	http2_heap_done(&s->heap);
}

enum err reverse_check2_new(struct reverse_check2_share *share, const struct reverse_check_conf *c,
			    const struct ip_endpoint *at, bool tls, struct reverse_check2 **ret)
{
	AUTO(reverse_check2_free) struct reverse_check2 *k = calloc(1, sizeof(*k));
	if (!k)
		return ENOMEM;
	char address[IP_ENDPOINT_TEXT_MAX];
	(void)ip_endpoint_format(at, address);
	struct http2_head head = {
		.scheme = span_text(tls ? "https" : "http"),
		.authority = span_text(c->host ? c->host : address),
	};
	k->conf = c;
	TRY(http2_session_new(&share->role, &share->heap, &share->counts, k, &k->s));
	TRY(reverse_check_kind(c) == REVERSE_CHECK_GRPC ? ask_grpc(k, &head) : ask_http(k, &head));
	*ret = TAKE(k);
	return OK;
}

void reverse_check2_free(struct reverse_check2 *k)
{
	if (!k)
		return;
	http2_session_free(k->s);
	free(k);
}

/* After a breach of the protocol no event comes any more. */
static void look(struct reverse_check2 *k, enum err e)
{
	if (e || http2_session_is_over(k->s))
		k->answer.broken |= !k->answer.ended;
}

void reverse_check2_receive(struct reverse_check2 *k, uint64_t now_ms, struct span in)
{
	k->in_n += in.len;
	look(k, http2_session_receive(k->s, now_ms, in));
	if (k->in_n >= REVERSE_CHECK2_IN_MAX)
		k->answer.broken |= !k->answer.ended;
}

void reverse_check2_write(struct reverse_check2 *k, struct writer *w)
{
	look(k, http2_session_write(k->s, w));
}

enum parse reverse_check2_judge(const struct reverse_check2 *k, bool end, const char **ret_why)
{
	struct reverse_check_answer a = k->answer;
	a.broken |= end && !a.ended;
	return reverse_check_judge2(k->conf, &a, ret_why);
}
