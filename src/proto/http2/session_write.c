#include "proto/http2/session_inner.h"

#include "base/writer.h"

#include <assert.h>

enum {
	FRAME_HEAD = 9,
	PSEUDO_MAX = 5,
	STATUS_LEN = 3,
	NV_MAX = HTTP2_FIELDS_MAX + PSEUDO_MAX,
	DATA_MIN = 256, /* no DATA frame is begun for less room than this */
};

static_assert(DATA_MIN + FRAME_HEAD <= HTTP2_WRITE_MIN, "each call makes progress");

struct list {
	nghttp2_nv nv[NV_MAX];
	size_t n;
	char status[STATUS_LEN];
};

static void add(struct list *l, struct span name, struct span value, bool sensitive)
{
	ASSERT(l->n < NV_MAX);
	l->nv[l->n++] = (nghttp2_nv){
		/* The library reads them only; its type says otherwise. */
		.name = (uint8_t *)(uintptr_t)name.data,
		.namelen = name.len,
		.value = (uint8_t *)(uintptr_t)value.data,
		.valuelen = value.len,
		.flags = sensitive ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE,
	};
}

static void add_pseudo(struct list *l, const char *name, struct span value)
{
	if (value.len)
		add(l, span_text(name), value, false);
}

static void add_fields(struct list *l, const struct http2_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(l, fields[i].name, fields[i].value, fields[i].sensitive);
}

static bool list_response(struct list *l, const struct http2_head *h)
{
	l->n = 0;
	if (h->fields_n > HTTP2_FIELDS_MAX)
		return false;
	l->status[0] = (char)('0' + h->status / 100 % 10);
	l->status[1] = (char)('0' + h->status / 10 % 10);
	l->status[2] = (char)('0' + h->status % 10);
	add(l, span_text(":status"), span_of(l->status, STATUS_LEN), false);
	add_fields(l, h->fields, h->fields_n);
	return true;
}

static bool list_request(struct list *l, const struct http2_head *h)
{
	l->n = 0;
	if (h->fields_n > HTTP2_FIELDS_MAX)
		return false;
	add_pseudo(l, ":method", h->method);
	add_pseudo(l, ":scheme", h->scheme);
	add_pseudo(l, ":authority", h->authority);
	add_pseudo(l, ":path", h->path);
	add_pseudo(l, ":protocol", h->protocol);
	add_fields(l, h->fields, h->fields_n);
	return true;
}

/* The trailers are queued behind the DATA frame that is being made. */
static void end_with_trailers(struct http2_session *s, int32_t id, const struct http2_body *body)
{
	struct list l = {.n = 0};
	add_fields(&l, body->trailers, body->trailers_n);
	if (nghttp2_submit_trailer(s->h2, id, l.nv, l.n) != 0)
		(void)nghttp2_submit_rst_stream(s->h2, NGHTTP2_FLAG_NONE, id,
						NGHTTP2_INTERNAL_ERROR);
}

static ssize_t on_read(nghttp2_session *h2, int32_t id, uint8_t *buf, size_t length,
		       uint32_t *flags, nghttp2_data_source *source, void *of)
{
	(void)buf;
	(void)source;
	struct http2_session *s = of;
	void *stream = nghttp2_session_get_stream_user_data(h2, id);
	if (!stream)
		return NGHTTP2_ERR_DEFERRED;
	size_t room = writer_left(s->w) - FRAME_HEAD;
	size_t max = length < room ? length : room;
	struct http2_body body = s->role->events->body(s->of, stream, max);
	ASSERT(body.len <= max);
	if (body.len == 0 && !body.end)
		return NGHTTP2_ERR_DEFERRED;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (body.end)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (body.end && body.trailers_n && body.trailers_n <= HTTP2_FIELDS_MAX) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		end_with_trailers(s, id, &body);
	}
	return (ssize_t)body.len;
}

/* No frame of ours is padded. */
static int on_send_data(nghttp2_session *h2, nghttp2_frame *frame, const uint8_t *head, size_t len,
			nghttp2_data_source *source, void *of)
{
	(void)source;
	struct http2_session *s = of;
	write_bytes(s->w, head, FRAME_HEAD);
	uint8_t *to = write_room(s->w, len);
	void *stream = nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
	ASSERT(to && stream);
	if (len)
		s->role->events->body_copy(s->of, stream, to, len);
	http2_flood_earn(&s->guard, HTTP2_WORK_SENT);
	s->paused = true;
	return NGHTTP2_ERR_PAUSE;
}

/* Takes the request out of those that are not written; NULL when it is not there or was reset. */
static void *take_unsent(struct http2_session *s, uint32_t id)
{
	for (uint32_t i = 0; i < s->unsent_n; i++) {
		if (s->unsent[i].id != id)
			continue;
		void *stream = s->unsent[i].stream;
		s->unsent[i] = s->unsent[--s->unsent_n];
		return stream;
	}
	return NULL;
}

static bool is_fault_of_peer(uint32_t code)
{
	return code == NGHTTP2_PROTOCOL_ERROR || code == NGHTTP2_FLOW_CONTROL_ERROR ||
	       code == NGHTTP2_STREAM_CLOSED || code == NGHTTP2_FRAME_SIZE_ERROR;
}

/* RST_STREAM that the peer made us send: CVE-2025-8671. */
static int sent_reset(struct http2_session *s, uint32_t code)
{
	s->counts->resets_out++;
	enum http2_flood kind =
		code == NGHTTP2_REFUSED_STREAM ? HTTP2_FLOOD_REFUSED : HTTP2_FLOOD_RESET;
	bool costs = kind == HTTP2_FLOOD_REFUSED || is_fault_of_peer(code);
	if (costs && !http2_flood_take(&s->guard, kind))
		(void)http2_session_flooded(s, kind);
	return 0;
}

static int on_sent(nghttp2_session *h2, const nghttp2_frame *frame, void *of)
{
	(void)h2;
	struct http2_session *s = of;
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
			(void)take_unsent(s, (uint32_t)frame->hd.stream_id);
		break;
	case NGHTTP2_RST_STREAM: return sent_reset(s, frame->rst_stream.error_code);
	case NGHTTP2_GOAWAY:
		if (frame->goaway.error_code != NGHTTP2_NO_ERROR && !s->over)
			s->counts->broken++;
		break;
	default: break;
	}
	return 0;
}

static int on_not_sent(nghttp2_session *h2, const nghttp2_frame *frame, int error, void *of)
{
	struct http2_session *s = of;
	int32_t id = frame->hd.stream_id;
	if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	void *unsent = take_unsent(s, (uint32_t)id);
	if (nghttp2_session_find_stream(h2, id)) {
		if (error != NGHTTP2_ERR_STREAM_CLOSING && error != NGHTTP2_ERR_STREAM_CLOSED)
			(void)nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, id,
							NGHTTP2_INTERNAL_ERROR);
		return 0;
	}
	if (s->role->side != HTTP2_CLIENT || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	/* No stream came of it: after GOAWAY, or it was reset before it was written. */
	if (s->streams)
		s->streams--;
	if (unsent)
		s->role->events->closed(s->of, unsent, HTTP2_REFUSED_STREAM);
	return 0;
}

void http2_write_callbacks(nghttp2_session_callbacks *c)
{
	nghttp2_session_callbacks_set_send_data_callback(c, on_send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, on_sent);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(c, on_not_sent);
}

static void copy_pending(struct http2_session *s, struct writer *w)
{
	size_t n = s->pending.len < writer_left(w) ? s->pending.len : writer_left(w);
	write_span(w, span_sub(s->pending, 0, n));
	s->pending = span_sub(s->pending, n, s->pending.len);
}

static enum err write_frames(struct http2_session *s, struct writer *w)
{
	copy_pending(s, w);
	while (s->pending.len == 0 && writer_left(w) >= HTTP2_WRITE_MIN) {
		s->paused = false;
		const uint8_t *data;
		ssize_t n = nghttp2_session_mem_send(s->h2, &data);
		if (n < 0) {
			if (!s->over)
				s->counts->floods[HTTP2_FLOOD_MEMORY]++;
			return s->over = ERR_LIMIT;
		}
		if (n == 0 && !s->paused)
			break;
		s->pending = span_of(data, (size_t)n);
		copy_pending(s, w);
	}
	return OK;
}

enum err http2_session_write(struct http2_session *s, struct writer *w)
{
	s->w = w;
	enum err e = write_frames(s, w);
	s->w = NULL;
	return e;
}

static const nghttp2_data_provider body_provider = {.read_callback = on_read};

static enum err outcome(int failed)
{
	if (failed == 0)
		return OK;
	return failed == NGHTTP2_ERR_NOMEM ? ERR_LIMIT : ERR_CLOSED;
}

enum err http2_session_respond(struct http2_session *s, uint32_t id, const struct http2_head *head)
{
	struct list l;
	if (!list_response(&l, head))
		return ERR_LIMIT;
	return outcome(nghttp2_submit_response(s->h2, (int32_t)id, l.nv, l.n,
					       head->end ? NULL : &body_provider));
}

enum err http2_session_inform(struct http2_session *s, uint32_t id, const struct http2_head *head)
{
	ASSERT(head->status < 200 && head->status != 101);
	struct list l;
	if (!list_response(&l, head))
		return ERR_LIMIT;
	int32_t failed = nghttp2_submit_headers(s->h2, NGHTTP2_FLAG_NONE, (int32_t)id, NULL, l.nv,
						l.n, NULL);
	return outcome(failed < 0 ? failed : 0);
}

uint32_t http2_session_room(const struct http2_session *s)
{
	if (s->over || !nghttp2_session_check_request_allowed(s->h2))
		return 0;
	uint32_t theirs =
		nghttp2_session_get_remote_settings(s->h2, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	uint32_t ours = s->role->limits.streams_max;
	uint32_t max = theirs < ours ? theirs : ours;
	return s->streams < max ? max - s->streams : 0;
}

bool http2_session_takes_connect(const struct http2_session *s)
{
	return nghttp2_session_get_remote_settings(s->h2,
						   NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

enum err http2_session_request(struct http2_session *s, const struct http2_head *head, void *stream,
			       uint32_t *ret_id)
{
	struct list l;
	if (http2_session_room(s) == 0 || !list_request(&l, head))
		return ERR_LIMIT;
	int32_t id = nghttp2_submit_request(s->h2, NULL, l.nv, l.n,
					    head->end ? NULL : &body_provider, stream);
	if (id < 0)
		return outcome(id);
	ASSERT(s->unsent_n < s->role->limits.streams_max);
	s->unsent[s->unsent_n++] = (struct http2_unsent){.id = (uint32_t)id, .stream = stream};
	s->streams++;
	s->counts->streams++;
	*ret_id = (uint32_t)id;
	return OK;
}
